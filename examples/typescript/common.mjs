// What the examples share: signing in, the address, and checks that end the program when the server surprises.
import { isDeepStrictEqual } from 'node:util';

export const url = process.argv[2] ?? 'http://127.0.0.1:8080/graphql';
export const email = process.env.FARLEY_EMAIL ?? 'sales.rep@demo.example';
const password = process.env.FARLEY_PASSWORD ?? 'farley-demo-2026';

// signIn returns an access token, good for 15 minutes.
export async function signIn() {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
      variables: { input: { email, password, device: 'examples/typescript' } },
    }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data.login.accessToken;
}

// same ends the program when got is not want.
export function same(what, got, want) {
  const plain = JSON.parse(JSON.stringify(got ?? null));
  if (!isDeepStrictEqual(plain, want)) {
    throw new Error(`${what}: got ${JSON.stringify(plain)}, want ${JSON.stringify(want)}`);
  }
  console.log(`ok    ${what}`);
}

// inTime gives up on what takes longer than ten seconds.
export function inTime(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: timed out`)), 10_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// unique makes names that no earlier run has used.
export const unique = (name) => `${name} ${Date.now().toString(36)}`;
