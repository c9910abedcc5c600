// What every suite shares: the official clients, and one JSON line a check.

import { createRequire } from "node:module";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";

// The clients are installed beside the tree, so that npm leaves it alone.
const require = createRequire(path.join(process.env.TRUNKLINE_SDK_JS, "package.json"));

const { ChatClient: Chat, ChatThreadClient } = require("@azure/communication-chat");

// Which methods of which clients were called, by the name of the client.
const called = new Map();

export const CommunicationIdentityClient =
  watched(require("@azure/communication-identity").CommunicationIdentityClient);
export const ChatClient = watched(Chat);
export const RoomsClient = watched(require("@azure/communication-rooms").RoomsClient);
export const { PhoneNumbersClient, SipRoutingClient } = require("@azure/communication-phone-numbers");
export const { AzureCommunicationTokenCredential } = require("@azure/communication-common");

export const endpoint = process.env.TRUNKLINE_ENDPOINT.replace(/\/$/, "");
export const httpEndpoint = (process.env.TRUNKLINE_HTTP_ENDPOINT ?? "").replace(/\/$/, "");
export const accessKey = process.env.TRUNKLINE_ACCESS_KEY;
export const connectionString = `endpoint=${endpoint}/;accesskey=${accessKey}`;
export const wrongConnectionString =
  `endpoint=${endpoint}/;accesskey=${Buffer.from("this is a key that nobody has set").toString("base64")}`;

// A failed request is a finding, not something to try again: with retries, a wrong 500 would pass.
export const noRetries = { retryOptions: { maxRetries: 0 } };

/** Prints each check as it is made and counts those that failed. */
export class Report {
  made = 0;
  failed = 0;

  constructor(suite) {
    this.suite = suite;
  }

  /** Notes whether something is as it should be; `found` says what was there instead. */
  check(name, isOk, found) {
    this.made += 1;
    const line = { suite: this.suite, check: name, ok: Boolean(isOk) };
    if (!isOk) {
      this.failed += 1;
      line.found = String(found instanceof Error ? found.stack : JSON.stringify(found)).slice(0, 400);
    }
    console.log(JSON.stringify(line));
  }

  /** Notes whether two values are equal. */
  equal(name, found, expected) {
    this.check(name, isDeepStrictEqual(found, expected), { found, expected });
  }

  /** Notes whether a call fails with a status and, where given, a code. */
  async refused(name, call, status, code) {
    try {
      this.check(name, false, await call());
    } catch (error) {
      const given = { status: error.statusCode, code: errorCode(error), message: error.message };
      const isOk = given.status === status && (code === undefined || given.code === code);
      this.check(name, isOk && error.message, given.status === undefined ? error : given);
    }
  }

  /** Notes whether the client itself refuses a call. */
  async raises(name, call) {
    try {
      this.check(name, false, await call());
    } catch {
      this.check(name, true);
    }
  }
}

function errorCode(error) {
  try {
    return JSON.parse(error.response.bodyAsText).error.code;
  } catch {
    return error.code;
  }
}

/** Returns the items of a list. */
export async function items(list) {
  const found = [];
  for await (const item of list) found.push(item);
  return found;
}

/** Returns the pages of a list. */
export async function byPage(list) {
  return items(list.byPage());
}

/** Asks the directory of the exchange for tokens. */
async function granted(form) {
  const answer = await fetch(`${endpoint}/adfs/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(10_000),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`not signed in: ${JSON.stringify(body)}`);
  return body;
}

/** Signs a directory user in for an app: returns the token to exchange, and the user's id. */
export async function signIn(username, clientId, permissions = ["Teams.ManageChats"]) {
  const names = permissions.map((name) => `https://auth.msft.communication.azure.com/${name}`);
  const scope = ["openid", ...names].join(" ");
  const form = { grant_type: "password", client_id: clientId, username, password: "any", scope };
  const { access_token: token, id_token: identity } = await granted(form);
  const claims = JSON.parse(Buffer.from(identity.split(".")[1], "base64url").toString());
  return { token, userId: claims.oid };
}

/** Signs a program in by itself. */
export async function admit(clientId) {
  const form = { grant_type: "client_credentials", client_id: clientId, client_secret: "any" };
  return (await granted(form)).access_token;
}

/** Ends when the work does, or with an error when it takes too long. */
export async function within(seconds, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Notifications need a browser: ../realtime drives them.
const REALTIME = ["startRealtimeNotifications", "stopRealtimeNotifications", "on", "off"];

// What the declarations of the packages call private.
const PRIVATE = /(Page|All)$|^(subscribeToSignalingEvents|canPostTypingNotification)$/;

const kinds = {
  identity: [CommunicationIdentityClient],
  chat: [ChatClient, ChatThreadClient],
  rooms: [RoomsClient],
};

/** Notes whether a suite that has ended called every method of its clients. */
export function checkCoverage(report, suite) {
  for (const kind of kinds[suite] ?? []) {
    const methods = Object.entries(Object.getOwnPropertyDescriptors(kind.prototype))
      .filter(([name, { value }]) => typeof value === "function" && name !== "constructor" && !PRIVATE.test(name))
      .map(([name]) => name);
    const isDriven = (name) => called.get(kind.name)?.has(name) || REALTIME.includes(name);
    const leftOut = methods.filter((name) => !isDriven(name));
    report.check(`every method of ${kind.name} is driven`, methods.length && !leftOut.length, leftOut);
  }
}

/** Makes a class whose clients note which of their methods are called. */
function watched(kind) {
  return new Proxy(kind, {
    construct: (target, args) => watchedClient(new target(...args)),
  });
}

function watchedClient(client) {
  const kind = client.constructor.name;
  if (!called.has(kind)) called.set(kind, new Set());
  return new Proxy(client, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...args) => {
        called.get(kind).add(name);
        const result = value.apply(target, args);
        return result instanceof ChatThreadClient ? watchedClient(result) : result;
      };
    },
  });
}
