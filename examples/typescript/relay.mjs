// Relay: relay-compiler accepts the schema that `farley schema` prints, and its artifacts work against the server: a
// connection that is paged by its cursors, the Node interface, a mutation that updates the store by the record's id.
// Usage: node relay.mjs [url [schema.graphql]]; without a schema, relay/schema.graphql is taken as it is.
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import relay from 'relay-runtime';

import { inTime, same, signIn, unique, url } from './common.mjs';

const { Environment, Network, RecordSource, Store, commitMutation, createOperationDescriptor, fetchQuery, getSelector } = relay;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
if (process.argv[3]) copyFileSync(process.argv[3], here('relay/schema.graphql'));
execFileSync(here('node_modules/.bin/relay-compiler'), ['relay.config.json'], { cwd: here('relay'), stdio: ['ignore', 'ignore', 'inherit'] });
console.log('ok    relay-compiler accepts the schema');

const artifact = async (name) => (await import(`./relay/src/__generated__/${name}.graphql.js`)).default;
const token = await signIn();

async function request({ text }, variables) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: text, variables }),
  });
  return response.json();
}

const environment = new Environment({ network: Network.create(request), store: new Store(new RecordSource()) });
const query = async (node, variables) => inTime('query', fetchQuery(environment, node, variables).toPromise());
const mutate = (mutation, variables) =>
  new Promise((resolve, reject) => {
    commitMutation(environment, {
      mutation,
      variables,
      onCompleted: (data, errors) => (errors?.length ? reject(new Error(errors[0].message)) : resolve(data)),
      onError: reject,
    });
  });

const create = await artifact('documentsCreateMutation');
const source = unique('Relay');
for (const name of ['Cedar', 'Acacia', 'Birch']) await mutate(create, { input: { name, source } });

const list = await artifact('documentsListQuery');
const fragment = await artifact('documentsList_query');
const where = { source: { eq: source } };
const variables = { count: 2, cursor: null, where };

// The query is kept alive, as a component on the screen would.
const operation = createOperationDescriptor(list, variables);
const retained = environment.retain(operation);
const accounts = (data) => environment.lookup(getSelector(fragment, data)).data.accounts;
const names = (connection) => connection.edges.map((edge) => edge.node.name);

const data = await query(list, variables);
const first = accounts(data);
same('the first page', [names(first), first.pageInfo.hasNextPage], [['Acacia', 'Birch'], true]);

const more = await artifact('documentsListPaginationQuery');
await query(more, { count: 2, cursor: first.pageInfo.endCursor, where });
const all = accounts(environment.lookup(operation.fragment).data);
same('the connection grows by its cursor', [names(all), all.pageInfo.hasNextPage], [['Acacia', 'Birch', 'Cedar'], false]);

const { id } = all.edges[0].node;
const { node } = await query(await artifact('documentsNodeQuery'), { id });
same('node(id) finds the record from its id alone', node, { __typename: 'Account', id, name: 'Acacia', version: 1 });

await mutate(await artifact('documentsRenameMutation'), { id, name: 'Alder', version: 1 });
same('the list follows the mutation by the id', names(accounts(environment.lookup(operation.fragment).data)), ['Alder', 'Birch', 'Cedar']);

const conflict = await mutate(await artifact('documentsRenameMutation'), { id, name: 'Ash', version: 1 }).then(() => 'accepted', (err) => err.message);
same('an old version is refused', conflict, 'The record has been changed meanwhile.');
retained.dispose();
