// Apollo Client: a normalised cache over Relay connections, the cursor of a page to get the next one, a mutation that
// updates the cache by itself, and a CONFLICT to handle. Usage: node apollo.mjs [url]
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import { filter, firstValueFrom } from 'rxjs';

import { same, signIn, unique, url } from './common.mjs';

const token = await signIn();

const client = new ApolloClient({
  link: ApolloLink.from([new HttpLink({ uri: url, headers: { authorization: `Bearer ${token}` } })]),
  cache: new InMemoryCache({
    typePolicies: {
      Query: {
        fields: {
          // Pages of one list are kept together; other filters and orders are other lists.
          accounts: relayStylePagination(['where', 'orderBy']),
          // A record that a list has brought is known by its id.
          account: { read: (known, { args, toReference }) => known ?? (args.id && toReference({ __typename: 'Account', id: args.id })) },
        },
      },
      // Amounts and totals have no ids: they are replaced, not merged.
      Account: { fields: { annualRevenue: { merge: false } } },
    },
  }),
});

const CREATE = gql`
  mutation Create($input: CreateAccountInput!) {
    createAccount(input: $input, onDuplicate: ALLOW) {
      account { id name version }
    }
  }
`;
const RENAME = gql`
  mutation Rename($id: ID!, $name: String!, $version: Int!) {
    updateAccount(id: $id, input: { name: $name }, expectedVersion: $version) {
      account { id name version }
    }
  }
`;
const LIST = gql`
  query List($source: String!, $after: Cursor) {
    accounts(first: 2, after: $after, where: { source: { eq: $source } }, orderBy: [{ field: NAME, direction: ASC }]) {
      edges { cursor node { id name version annualRevenue { amount currency } owner { id name } } }
      pageInfo { hasNextPage endCursor }
      totalCount { value precision }
    }
  }
`;

const source = unique('Apollo');
for (const name of ['Cedar', 'Acacia', 'Birch']) {
  await client.mutate({ mutation: CREATE, variables: { input: { name, source, annualRevenue: { amount: '1200.50', currency: 'USD' } } } });
}

const names = (data) => data.accounts.edges.map((edge) => edge.node.name);
const list = client.watchQuery({ query: LIST, variables: { source } });
const watching = list.subscribe();
const first = await firstValueFrom(list.pipe(filter((result) => result.dataState === 'complete')));
same('a page with its total', [names(first.data), first.data.accounts.totalCount.value, first.data.accounts.totalCount.precision], [['Acacia', 'Birch'], 3, 'EXACT']);
same('money is exact', first.data.accounts.edges[0].node.annualRevenue, { __typename: 'Money', amount: '1200.50', currency: 'USD' });
await list.fetchMore({ variables: { after: first.data.accounts.pageInfo.endCursor } });
const all = client.readQuery({ query: LIST, variables: { source } });
same('two pages make one list', [names(all), all.accounts.pageInfo.hasNextPage], [['Acacia', 'Birch', 'Cedar'], false]);

const { id, version } = all.accounts.edges[0].node;
await client.mutate({ mutation: RENAME, variables: { id, name: 'Alder', version } });
const one = await client.query({ query: gql`query One($id: ID!) { account(id: $id) { id name version } }`, variables: { id }, fetchPolicy: 'cache-only' });
same('the cache follows the mutation', one.data.account, { __typename: 'Account', id, name: 'Alder', version: version + 1 });

// Somebody who has not seen the change must not undo it unawares.
const late = await client.mutate({ mutation: RENAME, variables: { id, name: 'Ash', version } }).catch((err) => err);
if (!CombinedGraphQLErrors.is(late)) throw new Error(`an old version is accepted: ${JSON.stringify(late)}`);
const { code, currentVersion } = late.errors[0].extensions;
same('an old version is a conflict', { code, currentVersion }, { code: 'CONFLICT', currentVersion: version + 1 });

watching.unsubscribe();
client.stop();
