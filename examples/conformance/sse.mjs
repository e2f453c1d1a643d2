// Checks a server's event streams (GraphQL over SSE, distinct connections mode) with the reference client, with the
// EventSource of browsers and by hand. Usage: node sse.mjs <url> <token> <subscription document>; the subscription must
// stay open. One line per check; exit code 1 if any failed.
import { EventSource } from 'eventsource';
import { createClient } from 'graphql-sse';

const [url, token, subscription] = process.argv.slice(2);
if (!subscription) {
  console.error('usage: node sse.mjs <url> <token> <subscription document>');
  process.exit(2);
}
const authorization = `Bearer ${token}`;
const patience = 15_000;
const typename = '{ __typename }';
const answer = { data: { __typename: 'Query' } };

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

// post makes a request by hand.
const post = (body, headers = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json', authorization, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const get = (query, headers = {}) =>
  fetch(`${url}?${new URLSearchParams({ query })}`, { headers: { accept: 'text/event-stream', authorization, ...headers } });

// source opens the EventSource of browsers; a header is added because a ticket can be used only once.
const source = (query) =>
  new EventSource(`${url}?${new URLSearchParams({ query })}`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization } }),
  });

await check('the client: a query gives one result and completes', async () => {
  const client = createClient({ url, headers: { authorization }, retryAttempts: 0 });
  const results = [];
  for await (const result of client.iterate({ query: typename })) results.push(result);
  equal(results, [answer], 'results');
  client.dispose();
});

await check('the client: an invalid document gives errors in the stream', async () => {
  const client = createClient({ url, headers: { authorization }, retryAttempts: 0 });
  const results = [];
  for await (const result of client.iterate({ query: '{ noSuchFieldAnywhere }' })) results.push(result);
  equal([results.length, Array.isArray(results[0]?.errors), 'data' in results[0]], [1, true, false], 'results');
  client.dispose();
});

await check('the client: a subscription opens, and can be given up', async () => {
  const client = createClient({ url, headers: { authorization }, retryAttempts: 0 });
  await new Promise((resolve, reject) => {
    const giveUp = client.subscribe(
      { query: subscription },
      { next: (result) => result.errors && reject(result.errors), error: reject, complete: resolve },
      { connected: () => giveUp() },
    );
  });
  client.dispose();
});

await check('EventSource: hears the result and the completion', async () => {
  const events = source(typename);
  const heard = [];
  await new Promise((resolve, reject) => {
    events.addEventListener('next', (event) => heard.push(JSON.parse(event.data)));
    events.addEventListener('complete', (event) => {
      heard.push(event.data);
      resolve();
    });
    events.onerror = (event) => reject(new Error(event.message ?? `HTTP ${event.code}`));
  });
  events.close();
  equal(heard, [answer, ''], 'events');
});

await check('EventSource: a subscription opens', async () => {
  const events = source(subscription);
  await new Promise((resolve, reject) => {
    events.onopen = resolve;
    events.onerror = (event) => reject(new Error(event.message ?? `HTTP ${event.code}`));
  });
  events.close();
});

await check('EventSource: a bad ticket is refused for good', async () => {
  const events = new EventSource(`${url}?${new URLSearchParams({ query: typename, ticket: 'spent' })}`);
  const code = await new Promise((resolve) => (events.onerror = (event) => resolve(event.code)));
  equal([code, events.readyState], [401, EventSource.CLOSED], 'status and state');
});

await check('the stream has the right headers and form', async () => {
  const res = await post({ query: typename });
  equal([res.status, res.headers.get('content-type')], [200, 'text/event-stream; charset=utf-8'], 'status and type');
  equal((await res.text()).replace(/^:.*\n\n/gm, '').replace(/,"extensions":\{.*\}(?=\}\n)/g, ''), `event: next\ndata: ${JSON.stringify(answer)}\n\nevent: complete\ndata: \n\n`, 'body');
});

await check('GET serves queries', async () => {
  const res = await get(typename);
  equal(res.status, 200, 'status');
  await res.text();
});

await check('GET refuses mutations', async () => {
  const res = await get('mutation { __typename }');
  equal([res.status, res.headers.get('allow')], [405, 'POST'], 'status and Allow');
  if (!Array.isArray((await res.json()).errors)) throw new Error('no errors');
});

for (const [name, body] of [['not JSON', 'nonsense'], ['no query', '{}'], ['a list', '[]'], ['variables that are no object', { query: typename, variables: 'x' }]]) {
  await check(`400 with a JSON body: ${name}`, async () => {
    const res = await post(body);
    equal(res.status, 400, 'status');
    if (!Array.isArray((await res.json()).errors)) throw new Error('no errors');
  });
}

await check('401 with a JSON body: a bad token', async () => {
  const res = await post({ query: typename }, { authorization: 'Bearer no.such.token' });
  equal([res.status, (await res.json()).errors[0].extensions.code], [401, 'UNAUTHENTICATED'], 'status and code');
});

console.log(failures ? `${failures} checks failed` : 'all checks passed');
process.exit(failures ? 1 : 0);
