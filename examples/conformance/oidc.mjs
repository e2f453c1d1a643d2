// Checks that a server accepts the access tokens of an outside OIDC issuer (the npm package oidc-provider), and refuses
// those that are not meant for it. Usage: node oidc.mjs <farley binary>. It starts the issuer and the server on free ports
// of the loopback interface, with data in a temporary folder, and ends both. One line per check; exit code 1 if any failed.
import { spawn } from 'node:child_process';
import { createHmac, generateKeyPairSync, createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import Provider from 'oidc-provider';
import WebSocket from 'ws';

const farley = process.argv[2];
if (!farley) {
  console.error('usage: node oidc.mjs <farley binary>');
  process.exit(2);
}
const patience = 30_000;
const audience = 'https://crm.example/api';

let failures = 0;
async function check(name, run) {
  let timer;
  try {
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('timed out')), patience)));
    await Promise.race([run(), late]);
    console.log(`ok    ${name}`);
  } catch (err) {
    failures++;
    console.log(`FAIL  ${name}: ${err.message ?? JSON.stringify(err)}`);
  } finally {
    clearTimeout(timer);
  }
}

function equal(got, want, what) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

// issue starts an issuer at which each client stands for a person, whose claims are its own.
async function issue(people) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const http = createServer((req, res) => handle(req, res));
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${http.address().port}`;
  const provider = new Provider(url, {
    clients: Object.keys(people).map((name) => ({
      client_id: name, client_secret: `secret of ${name}`, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    })),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['only here'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource) => ({ scope: '', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600 }),
      },
    },
    extraTokenClaims: (ctx, token) => people[token.clientId],
  });
  const handle = provider.callback();
  const token = async (name, resource) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: name, client_secret: `secret of ${name}` });
    if (resource) body.set('resource', resource);
    const res = await fetch(`${url}/token`, { method: 'POST', body });
    const answer = await res.json();
    if (!answer.access_token) throw new Error(`the issuer answers ${JSON.stringify(answer)}`);
    return answer.access_token;
  };
  const publicPEM = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
  return { url, token, publicPEM, close: () => (http.closeAllConnections(), http.close()) };
}

// serve starts the server and returns where it answers.
async function serve(data, file) {
  const child = spawn(farley, ['serve', '--addr', '127.0.0.1:0', '--data', data, '--issuers', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  const address = await new Promise((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      const found = out.match(/http:\/\/[0-9.:]+\/graphql/);
      if (found) resolve(found[0]);
    });
    child.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
    setTimeout(() => reject(new Error(`the server does not start: ${log}`)), patience).unref();
  });
  return {
    address,
    log: () => log,
    close: () =>
      new Promise((resolve) => {
        child.removeAllListeners('exit');
        child.on('exit', resolve);
        child.kill('SIGTERM');
      }),
  };
}

const folder = mkdtempSync(join(tmpdir(), 'farley-oidc-'));
const roles = (...names) => ({ realm_access: { roles: names } });
const issuer = await issue({
  rep: { email: 'rep@example.com', email_verified: true, name: 'A Rep', ...roles('crm-sales', 'offline_access') },
  unverified: { email: 'boss@example.com', email_verified: false, name: 'A Boss', ...roles('crm-sales') },
  guest: { email: 'guest@example.com', email_verified: true, name: 'A Guest', ...roles('administrator', 'Administrator') },
});
let server;
try {
  const file = join(folder, 'issuers.json');
  writeFileSync(file, JSON.stringify([{
    issuer: issuer.url, audience, roleClaim: 'realm_access.roles', roles: { 'crm-sales': 'sales_rep' }, createUsers: true,
  }]));
  const data = join(folder, 'data');
  server = await serve(data, file);
  const ask = async (token, query = '{ viewer { roles { name } } }') => {
    const res = await fetch(server.address, {
      method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify({ query }),
    });
    return { status: res.status, body: await res.text() };
  };
  const nonsense = await ask('no.such.token');
  const refused = async (token) => equal(await ask(token), nonsense, 'answer');
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

  await check('a JWT access token for this server acts with the mapped role', async () => {
    const token = await issuer.token('rep', audience);
    equal(JSON.parse((await ask(token)).body).data, { viewer: { roles: [{ name: 'sales rep' }] } }, 'data');
    const made = JSON.parse((await ask(token, 'mutation { createAccount(input: {name: "Oak"}) { account { name } } }')).body);
    equal(made.data, { createAccount: { account: { name: 'Oak' } } }, 'data');
  });

  await check('so it does on a socket', async () => {
    const token = await issuer.token('rep', audience);
    const client = createClient({
      url: server.address.replace(/^http/, 'ws'), webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { token },
    });
    const results = [];
    for await (const result of client.iterate({ query: '{ viewer { roles { name } } }' })) results.push(result.data);
    equal(results, [{ viewer: { roles: [{ name: 'sales rep' }] } }], 'results');
    await client.dispose();
  });

  await check('a token for another server is refused', async () => refused(await issuer.token('rep', 'https://billing.example/api')));
  await check('an opaque token is refused', async () => refused(await issuer.token('rep')));
  await check('an unverified e-mail address makes nobody', async () => refused(await issuer.token('unverified', audience)));
  await check('roles that are not mapped bring nothing', async () => refused(await issuer.token('guest', audience)));

  await check('changed and forged tokens are refused', async () => {
    const [header, payload, signature] = (await issuer.token('rep', audience)).split('.');
    const head = JSON.parse(Buffer.from(header, 'base64url'));
    equal([head.typ, head.alg], ['at+jwt', 'RS256'], 'header of the issuer');
    const claims = JSON.parse(Buffer.from(payload, 'base64url'));
    await refused(`${header}.${encode({ ...claims, realm_access: { roles: ['crm-sales', 'administrator'] } })}.${signature}`);
    await refused(`${encode({ ...head, alg: 'none' })}.${payload}.`);
    const forged = `${encode({ ...head, alg: 'HS256' })}.${payload}`;
    await refused(`${forged}.${createHmac('sha256', issuer.publicPEM).update(forged).digest('base64url')}`);
    await refused(`${encode({ ...head, jku: `${issuer.url}/jwks` })}.${payload}.${signature}`);
  });

  await check('farley check fetches the keys', async () => {
    await server.close();
    const run = (args) => new Promise((resolve) => {
      const child = spawn(farley, ['check', '--data', data, '--issuers', file, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
      let out = '';
      child.stdout.on('data', (chunk) => (out += chunk));
      child.on('exit', (status) => resolve([status, out]));
    });
    let [status, out] = await run([]);
    if (status !== 0 || !out.includes(`issuer ${issuer.url}: 1 keys`)) throw new Error(`status ${status}: ${out}`);
    issuer.close();
    [status, out] = await run([]);
    if (status === 0 || !out.includes(`✗ issuer ${issuer.url}`)) throw new Error(`while the issuer is away: status ${status}: ${out}`);
  });

  await check('the server logged no errors', async () => {
    if (/"level":"ERROR"|panic:/.test(server.log())) throw new Error(server.log());
  });
} catch (err) {
  failures++;
  console.log(`FAIL  ${err.stack ?? err}`);
  await server?.close();
} finally {
  issuer.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(failures ? `${failures} checks failed` : 'all checks passed');
process.exit(failures ? 1 : 0);
