// Checks a server's WebSocket protocol (graphql-transport-ws) by the book: with the reference client and with raw
// messages. Usage: node ws.mjs <url> <token> <subscription document>. The URL is ws://… or http://…; the subscription
// must stay open. One line per check; exit code 1 if any failed.
import { createClient, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import WebSocket from 'ws';

const [address, token, subscription] = process.argv.slice(2);
if (!subscription) {
  console.error('usage: node ws.mjs <url> <token> <subscription document>');
  process.exit(2);
}
const url = address.replace(/^http/, 'ws');
const authorization = `Bearer ${token}`;
const patience = 15_000;

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

// equal compares without extensions, in which a server may tell what it likes.
function equal(got, want, what) {
  const text = (value) => JSON.stringify(value, (key, member) => (key === 'extensions' ? undefined : member));
  if (text(got) !== text(want)) {
    throw new Error(`${what}: got ${text(got)}, want ${text(want)}`);
  }
}

// raw opens a socket that hands out what it receives, in order.
async function raw(protocols = GRAPHQL_TRANSPORT_WS_PROTOCOL) {
  const socket = new WebSocket(url, protocols);
  const received = [];
  const waiting = [];
  const push = (item) => (waiting.length ? waiting.shift()(item) : received.push(item));
  socket.on('message', (data) => push(JSON.parse(data.toString())));
  socket.on('close', (code, reason) => push({ closed: code, reason: reason.toString() }));
  socket.on('error', () => {});
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    protocol: socket.protocol,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: () => (received.length ? Promise.resolve(received.shift()) : new Promise((resolve) => waiting.push(resolve))),
    // answer skips pings and pongs, which may come at any time.
    async answer() {
      for (;;) {
        const message = await this.next();
        if (message.type !== 'ping' && message.type !== 'pong') return message;
      }
    },
    async closed(code) {
      const end = await this.answer();
      equal(end.closed, code, 'close code');
      if (Buffer.byteLength(end.reason) > 123) throw new Error('the reason is too long');
    },
    async init() {
      this.send({ type: 'connection_init', payload: { Authorization: authorization } });
      equal((await this.answer()).type, 'connection_ack', 'answer to connection_init');
      return this;
    },
    close: () => socket.terminate(),
  };
}

const subscribe = (id, query = subscription) => ({ id, type: 'subscribe', payload: { query } });
const typename = '{ __typename }';

await check('the client: a query gives one result and completes', async () => {
  const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0 });
  const results = [];
  for await (const result of client.iterate({ query: typename })) results.push(result);
  equal(results, [{ data: { __typename: 'Query' } }], 'results');
  await client.dispose();
});

await check('the client: an invalid document is an error, not a result', async () => {
  const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0 });
  try {
    for await (const result of client.iterate({ query: '{ noSuchFieldAnywhere }' })) throw new Error(`result ${JSON.stringify(result)}`);
    throw new Error('completed');
  } catch (err) {
    if (!Array.isArray(err) || !err[0].message) throw err;
  } finally {
    await client.dispose();
  }
});

await check('the client: a subscription opens, and can be given up', async () => {
  const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0 });
  const events = client.iterate({ query: subscription });
  const first = events.next();
  for await (const result of client.iterate({ query: typename })) equal(result.data, { __typename: 'Query' }, 'a query beside it');
  await events.return();
  await first.catch(() => {});
  await client.dispose();
});

await check('the client: a bad token closes with 4403', async () => {
  let closed;
  const client = createClient({
    url, webSocketImpl: WebSocket, connectionParams: { authorization: 'Bearer no.such.token' }, retryAttempts: 0,
    on: { closed: (event) => (closed = event.code) },
  });
  await new Promise((resolve, reject) => client.subscribe({ query: typename }, { next: reject, complete: reject, error: resolve }));
  equal(closed, 4403, 'close code');
});

await check('the subprotocol is graphql-transport-ws, also when others are offered first', async () => {
  const c = await raw(['graphql-ws', GRAPHQL_TRANSPORT_WS_PROTOCOL]);
  equal(c.protocol, GRAPHQL_TRANSPORT_WS_PROTOCOL, 'subprotocol');
  c.close();
});
await check('4406 without the subprotocol', async () => (await raw([])).closed(4406));
await check('4408 without connection_init', async () => (await raw()).closed(4408));
await check('4429 at a second connection_init', async () => {
  const c = await (await raw()).init();
  c.send({ type: 'connection_init' });
  await c.closed(4429);
});
await check('4401 at an operation before the acknowledgement', async () => {
  const c = await raw();
  c.send(subscribe('1'));
  await c.closed(4401);
});
await check('4409 at an id that is in use', async () => {
  const c = await (await raw()).init();
  c.send(subscribe('same'));
  c.send(subscribe('same'));
  let end;
  do end = await c.answer();
  while (end.type === 'next');
  equal(end.closed, 4409, 'close code');
});
for (const bad of ['nonsense', '{}', '{"type":"start"}', '{"type":"subscribe","id":"1"}', '{"type":"subscribe","id":"","payload":{"query":"{ a }"}}',
  '{"type":"complete"}', '{"type":"ping","payload":"text"}']) {
  await check(`4400 at ${bad}`, async () => {
    const c = await (await raw()).init();
    c.send(bad);
    await c.closed(4400);
  });
}
await check('a ping is answered, before the acknowledgement too', async () => {
  const c = await raw();
  c.send({ type: 'ping' });
  equal((await c.next()).type, 'pong', 'answer');
  c.close();
});
await check('a pong is not answered', async () => {
  const c = await (await raw()).init();
  c.send({ type: 'pong' });
  c.send(subscribe('1', typename));
  equal((await c.next()).type, 'next', 'answer');
  c.close();
});
await check('a ping with a fresh token keeps the socket', async () => {
  const c = await (await raw()).init();
  c.send({ type: 'ping', payload: { authorization } });
  equal((await c.next()).type, 'pong', 'answer');
  c.close();
});
await check('an error is not followed by complete, and frees the id', async () => {
  const c = await (await raw()).init();
  c.send(subscribe('1', '{ noSuchFieldAnywhere }'));
  const error = await c.answer();
  equal([error.type, error.id, Array.isArray(error.payload)], ['error', '1', true], 'error');
  c.send(subscribe('1', typename));
  equal(await c.answer(), { id: '1', type: 'next', payload: { data: { __typename: 'Query' } } }, 'next');
  equal(await c.answer(), { id: '1', type: 'complete' }, 'complete');
  c.close();
});
await check('complete frees the id at once', async () => {
  const c = await (await raw()).init();
  for (let i = 0; i < 3; i++) {
    c.send(subscribe('1'));
    c.send({ id: '1', type: 'complete' });
  }
  c.send({ id: 'unknown', type: 'complete' });
  c.send(subscribe('1', typename));
  equal(await c.answer(), { id: '1', type: 'next', payload: { data: { __typename: 'Query' } } }, 'next');
  c.close();
});

console.log(failures ? `${failures} checks failed` : 'all checks passed');
process.exit(failures ? 1 : 0);
