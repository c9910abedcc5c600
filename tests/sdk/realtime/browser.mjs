// What the browser build of the chat SDK needs of a page, for Node: run with `-C browser` and, before
// Node 22, with `--experimental-websocket`.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** The two members of a page that the SDK looks at, and the request that its sockets begin with. */
class XMLHttpRequest {
  withCredentials = false;
  readyState = 0;
  status = 0;
  responseText = "";
  onreadystatechange = null;
  #method = "GET";
  #url = "";
  #headers = {};

  open(method, url) {
    [this.#method, this.#url] = [method, url];
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  send(body) {
    const done = (status, text) => {
      [this.readyState, this.status, this.responseText] = [4, status, text];
      this.onreadystatechange?.();
    };
    fetch(this.#url, { method: this.#method, headers: this.#headers, body: body ?? undefined })
      .then(async (response) => done(response.status, await response.text()))
      .catch((error) => done(0, String(error)));
  }
}

/** The requests so far to what notifications come through, by method and path. */
export const requests = [];

const plainFetch = globalThis.fetch;
globalThis.fetch = (resource, options) => {
  const method = options?.method ?? resource.method ?? "GET";
  const { pathname } = new URL(resource.url ?? resource);
  const known = ["/chat/config/", "/trouter/", "/v4/a", "/socket.io/", "/registrar/"];
  if (known.some((start) => pathname.startsWith(start))) requests.push(`${method} ${pathname}`);
  return plainFetch(resource, options);
};
globalThis.self ??= globalThis;
globalThis.location ??= new URL("https://page.invalid/");
globalThis.XMLHttpRequest ??= XMLHttpRequest;
if (globalThis.WebSocket === undefined) {
  throw new Error("no WebSocket: run node 22, or node 20 with --experimental-websocket");
}

// The packages are installed beside the tree, so that npm leaves it alone.
const require = createRequire(path.join(process.env.TRUNKLINE_SDK_JS, "package.json"));

/** Imports an SDK in its browser build. */
export function load(name) {
  return import(pathToFileURL(require.resolve(name)).href);
}
