// What relay-compiler is asked to compile: a connection in a fragment, refetchable by the cursor; node(id); a mutation;
// a subscription. Usage is in ../../relay.mjs.
import { graphql } from 'relay-runtime';

export const accountCard = graphql`
  fragment documentsCard_account on Account {
    id
    name
    version
    annualRevenue { amount currency }
    owner { id name }
  }
`;

export const accountList = graphql`
  fragment documentsList_query on Query
  @refetchable(queryName: "documentsListPaginationQuery")
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 2 }
    cursor: { type: "Cursor" }
    where: { type: "AccountWhere" }
  ) {
    accounts(first: $count, after: $cursor, where: $where, orderBy: [{ field: NAME, direction: ASC }])
      @connection(key: "documentsList_accounts", filters: ["where"]) {
      edges {
        node {
          id
          ...documentsCard_account @relay(mask: false)
        }
      }
    }
  }
`;

export const accountListQuery = graphql`
  query documentsListQuery($count: Int!, $cursor: Cursor, $where: AccountWhere) {
    ...documentsList_query @arguments(count: $count, cursor: $cursor, where: $where)
  }
`;

export const nodeQuery = graphql`
  query documentsNodeQuery($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Account { name version }
      ... on Contact { displayName }
    }
  }
`;

export const createMutation = graphql`
  mutation documentsCreateMutation($input: CreateAccountInput!) {
    createAccount(input: $input, onDuplicate: ALLOW) {
      account { ...documentsCard_account @relay(mask: false) }
    }
  }
`;

export const renameMutation = graphql`
  mutation documentsRenameMutation($id: ID!, $name: String!, $version: Int) {
    updateAccount(id: $id, input: { name: $name }, expectedVersion: $version) {
      account { id name version }
    }
  }
`;

export const followSubscription = graphql`
  subscription documentsFollowSubscription($after: Cursor) {
    accountChanged(after: $after) {
      cursor
      op
      recordId
      node { ...documentsCard_account @relay(mask: false) }
    }
  }
`;
