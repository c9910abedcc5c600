// A small OpenID Connect issuer on this machine, as strict as a public client may meet one: PKCE, one use of a code, no secret.
// Its access tokens are made by whoever opens it: by the exchange's own directory, or signed here by the keys that it publishes.

import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

const KEY_ID = 'key-1';

/** Starts the issuer; `accessToken(user, jwt)` gives the access tokens, `faults` says what it does wrong. */
export async function openIssuer({ clientId, accessToken, users }) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const codes = new Map();
  const refreshTokens = new Map();
  const faults = {};
  const seen = [];
  let origin;

  const server = createServer((request, response) => {
    void answer(request).then(({ status = 200, headers = {}, body = '' }) => {
      response.writeHead(status, { 'access-control-allow-origin': '*', 'cache-control': 'no-store', ...headers }).end(body);
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, issuer: origin, faults, seen, close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }) };

  async function answer(request) {
    const url = new URL(request.url, origin);
    seen.push(`${request.method} ${url.pathname}`);
    if (url.pathname === '/.well-known/openid-configuration') {
      return json({
        issuer: faults.otherIssuer ? `${origin}/other` : origin, authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token`,
        jwks_uri: `${origin}/keys`, response_types_supported: ['code'], code_challenge_methods_supported: ['S256'],
      });
    }
    if (url.pathname === '/keys') return json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, use: 'sig', alg: 'ES256' }] });
    if (url.pathname === '/authorize') return page(url);
    if (url.pathname === '/decide') return decide(url.searchParams);
    if (url.pathname === '/token' && request.method === 'POST') {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      return token(new URLSearchParams(Buffer.concat(chunks).toString()));
    }
    return { status: url.pathname === '/favicon.ico' ? 204 : 404 };
  }

  function page({ search, searchParams: asked }) {
    const lacking = ['client_id', 'redirect_uri', 'state', 'nonce', 'code_challenge'].filter((name) => !asked.get(name));
    const isRight = asked.get('response_type') === 'code' && asked.get('client_id') === clientId && asked.get('code_challenge_method') === 'S256'
      && asked.get('scope').split(' ').includes('openid');
    if (lacking.length > 0 || !isRight) return { status: 400, body: `the request is not right: ${lacking} ${search}` };
    const link = (choice) => `/decide${search}&choice=${choice}`;
    return {
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: `<!doctype html><html lang="en"><title>Contoso</title><main><h1>Contoso</h1>
        ${users.map(({ oid, name }) => `<p><a href="${link(oid)}">I am ${name}</a></p>`).join('')}<p><a href="${link('no')}">Decline</a></p></main>`.replaceAll('&', '&amp;'),
    };
  }

  function decide(asked) {
    const back = new URL(asked.get('redirect_uri'));
    back.searchParams.set('state', faults.wrongState ? 'another' : asked.get('state'));
    if (asked.get('choice') === 'no') {
      back.searchParams.set('error', 'access_denied');
    } else {
      const code = randomUUID();
      const user = users.find(({ oid }) => oid === asked.get('choice'));
      codes.set(code, { user, challenge: asked.get('code_challenge'), redirectUri: asked.get('redirect_uri'), nonce: asked.get('nonce') });
      back.searchParams.set('code', code);
      back.searchParams.set('iss', origin);
    }
    // A page that goes on by itself: a browser under test hands over no file for an address that a redirect led to.
    return {
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: `<!doctype html><html lang="en"><title>Contoso</title><meta http-equiv="refresh" content="0;url=${back.href.replaceAll('&', '&amp;')}">`,
    };
  }

  async function token(form) {
    if (form.get('client_id') !== clientId || form.has('client_secret')) return refuse('invalid_client');
    if (form.get('grant_type') === 'refresh_token') {
      // Each of them is used once, as OAuth 2.1 asks of public clients.
      const user = refreshTokens.get(form.get('refresh_token'));
      refreshTokens.delete(form.get('refresh_token'));
      return user ? give(user, {}) : refuse('invalid_grant');
    }
    const code = codes.get(form.get('code'));
    codes.delete(form.get('code'));
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    if (!code || challenge !== code.challenge || form.get('redirect_uri') !== code.redirectUri) return refuse('invalid_grant');
    const now = Math.floor(Date.now() / 1000);
    const { user } = code;
    return give(user, {
      id_token: jwt({
        iss: origin, aud: faults.otherAudience ? 'another app' : clientId, iat: now, exp: now + 300, sub: 'subject', oid: user.oid, name: user.name,
        nonce: faults.wrongNonce ? 'another' : code.nonce,
      }),
    });
  }

  async function give(user, more) {
    const refreshToken = randomUUID();
    refreshTokens.set(refreshToken, user);
    return json({ access_token: await accessToken(user, jwt), token_type: 'Bearer', expires_in: faults.life ?? 3600, refresh_token: refreshToken, ...more });
  }

  function jwt(claims) {
    const signed = [{ alg: 'ES256', typ: 'JWT', kid: KEY_ID }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  }

  function json(body, status = 200) {
    return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  }

  function refuse(error) {
    return json({ error }, 400);
  }
}
