// Ids made by the client, as one does that works offline: the record can be referred to before the server knows it.
// Usage: node ids.mjs [url]
import { randomBytes } from 'node:crypto';

import { same, signIn, unique, url } from './common.mjs';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

// newId(16, 'acct') makes an id of the kind with that number and prefix; see docs/guides/ids.md.
export function newId(kind, prefix, at = Date.now()) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at, 0, 6);
  bytes.writeUInt16BE(0x8000 | kind, 6);
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  let bits = BigInt(`0x${bytes.toString('hex')}`) << 2n;
  let text = '';
  for (let i = 0; i < 26; i++, bits >>= 5n) text = alphabet[Number(bits & 31n)] + text;
  return `${prefix}_${text}`;
}

const token = await signIn();
async function ask(query, variables, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors[0]));
  return data;
}

const account = newId(16, 'acct');
const note = newId(19, 'note');
const make = `mutation ($account: CreateAccountInput!, $note: CreateNoteInput!) {
  createAccount(input: $account, onDuplicate: ALLOW) { account { id } }
  createNote(input: $note) { note { id account { id } } }
}`;
const variables = {
  account: { id: account, name: unique('Offline') },
  note: { id: note, account, body: 'Written on the train.' },
};
const made = { createAccount: { account: { id: account } }, createNote: { note: { id: note, account: { id: account } } } };
const key = { 'idempotency-key': unique('offline') };
same('records are made under the ids of the client', await ask(make, variables, key), made);
same('repeating it after a lost answer is safe', await ask(make, variables, key), made);
same('node finds them by the id alone', await ask('query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }', { ids: [note, account] }), {
  nodes: [{ __typename: 'Note', id: note }, { __typename: 'Account', id: account }],
});
