// urql with graphql-ws: queries over HTTP, subscriptions over a socket, and going on from the last cursor after the
// connection broke. Usage: node urql.mjs [url]
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { createClient as createSocket } from 'graphql-ws';
import WebSocket from 'ws';

import { inTime, same, signIn, unique, url } from './common.mjs';

const token = await signIn();
const authorization = `Bearer ${token}`;

const connect = () =>
  createSocket({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    // A token that is fetched here is fresh at every reconnect.
    connectionParams: async () => ({ Authorization: authorization }),
    lazy: true,
  });

function open() {
  const socket = connect();
  const client = new Client({
    url,
    preferGetMethod: false,
    // By default urql asks for JSON or an event stream; a query wants the one.
    fetchOptions: { headers: { authorization } },
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, sink) }),
        }),
      }),
    ],
  });
  return { client, close: () => socket.dispose() };
}

const FOLLOW = gql`
  subscription Follow($after: Cursor, $source: String!) {
    accountChanged(where: { source: { eq: $source } }, after: $after) {
      cursor
      op
      recordId
      version
      changedFields
      node { __typename id name }
    }
  }
`;
const CREATE = gql`
  mutation Create($input: CreateAccountInput!) {
    createAccount(input: $input, onDuplicate: ALLOW) { account { id } }
  }
`;
const RENAME = gql`
  mutation Rename($id: ID!, $name: String!) {
    updateAccount(id: $id, input: { name: $name }) { account { id version } }
  }
`;

// events returns the next n events behind a cursor.
function events(client, source, after, n) {
  return inTime(
    'events',
    new Promise((resolve, reject) => {
      const seen = [];
      const { unsubscribe } = client.subscription(FOLLOW, { source, after }).subscribe(({ data, error }) => {
        if (error) return reject(error);
        if (data.accountChanged.op === 'CHECKPOINT') return; // a cursor for quiet streams
        seen.push(data.accountChanged);
        if (seen.length === n) {
          queueMicrotask(() => unsubscribe());
          resolve(seen);
        }
      });
    }),
  );
}

const must = async (result) => {
  const { data, error } = await result.toPromise();
  if (error) throw error;
  return data;
};

let { client, close } = open();
const source = unique('urql');
const { changesCursor } = await must(client.query('{ changesCursor }', {}));
const created = await must(client.mutation(CREATE, { input: { name: 'Fern', source } }));
const { id } = created.createAccount.account;

const [first] = await events(client, source, changesCursor, 1);
same('what was made since the cursor', [first.op, first.recordId, first.version, first.node], ['CREATED', id, 1, { __typename: 'Account', id, name: 'Fern' }]);
await close(); // the train enters a tunnel …

({ client, close } = open());
await must(client.mutation(RENAME, { id, name: 'Moss' }));
await must(client.mutation(RENAME, { id, name: 'Lichen' }));
const rest = await events(client, source, first.cursor, 2);
same(
  'after a break nothing is missing and nothing comes twice',
  rest.map((event) => [event.op, event.version, event.changedFields]),
  [
    ['UPDATED', 2, ['name']],
    ['UPDATED', 3, ['name']],
  ],
);

// A field that the role does not have refuses the operation before anything runs.
const refused = await client.query('{ contacts(first: 1) { nodes { birthday } } }', {}).toPromise();
same('a hidden field is refused by code and path', [refused.error.graphQLErrors[0].extensions.code, refused.error.graphQLErrors[0].path], ['FORBIDDEN', ['contacts', 'nodes', 'birthday']]);
await close();
