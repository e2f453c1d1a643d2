// Checks uploads by the GraphQL multipart request specification, with the library of the specification's author, and in two
// steps; and that exports end in a file that can be fetched. Usage: node upload.mjs <url> <token>. One line per check; exit
// code 1 if any failed.
import extractFiles from 'extract-files/extractFiles.mjs';
import isExtractableFile from 'extract-files/isExtractableFile.mjs';

const [url, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: node upload.mjs <url> <token>');
  process.exit(2);
}
const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
const text = 'Zeile eins\nالسطر الثاني\n';

let failures = 0;
async function check(name, run) {
  try {
    await run();
    console.log(`ok    ${name}`);
  } catch (err) {
    failures++;
    console.log(`FAIL  ${name}: ${err.message}`);
  }
}
function same(got, want, what) {
  if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}
async function send(query, variables, extra = { 'apollo-require-preflight': 'true' }) {
  const { clone, files } = extractFiles({ query, variables }, isExtractableFile);
  if (files.size === 0) {
    const r = await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(clone) });
    return r.json();
  }
  const form = new FormData();
  form.append('operations', JSON.stringify(clone));
  const map = {};
  let i = 0;
  for (const paths of files.values()) map[i++] = paths;
  form.append('map', JSON.stringify(map));
  i = 0;
  for (const file of files.keys()) form.append(i++, file, file.name);
  return (await fetch(url, { method: 'POST', headers: { ...headers, ...extra }, body: form })).json();
}
async function ask(query, variables) {
  const { data, errors } = await send(query, variables);
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}
const download = async (id) => {
  const { fileDownload } = await ask('query ($id: ID!) { fileDownload(id: $id) { url } }', { id });
  return fetch(fileDownload.url);
};
const upload = 'mutation ($file: Upload!) { uploadFile(input: { file: $file }) { file { id name size status } } }';

await check('a file in the form, and back', async () => {
  const { uploadFile } = await ask(upload, { file: new File([text], 'notes نص.txt') });
  same(uploadFile.file.name, 'notes نص.txt', 'name');
  same(uploadFile.file.status, 'READY', 'status');
  const answer = await download(uploadFile.file.id);
  same(await answer.text(), text, 'content');
  same(answer.headers.get('content-disposition').startsWith('attachment'), true, 'attachment');
});
await check('two files in one form', async () => {
  const data = await ask('mutation ($a: Upload!, $b: Upload!) { a: uploadFile(input: { file: $a }) { file { name } } b: uploadFile(input: { file: $b, name: "b.txt" }) { file { name } } }',
    { a: new File(['a'], 'a.txt'), b: new File(['b'], 'x.txt') });
  same(data.a.file.name + data.b.file.name, 'a.txtb.txt', 'names');
});
await check('refused without the header', async () => {
  const { errors } = await send(upload, { file: new File([text], 'a.txt') }, {});
  same(errors?.[0].extensions.code, 'BAD_REQUEST', 'code');
});
await check('in two steps', async () => {
  const body = new TextEncoder().encode(text);
  const { createUpload } = await ask('mutation ($in: CreateUploadInput!) { createUpload(input: $in) { file { id } url } }', { in: { name: 'big.txt', size: body.length } });
  same((await fetch(createUpload.url, { method: 'PUT', body: body.slice(1) })).status, 422, 'a byte short');
  same((await fetch(createUpload.url, { method: 'PUT', body })).status, 204, 'whole');
  const { completeUpload } = await ask('mutation ($id: ID!) { completeUpload(input: { file: $id }) { file { status } } }', { id: createUpload.file.id });
  same(completeUpload.file.status, 'READY', 'status');
  same(await (await download(createUpload.file.id)).text(), text, 'content');
});
process.exit(failures ? 1 : 0);
