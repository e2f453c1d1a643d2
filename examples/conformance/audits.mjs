// Runs the audits of graphql-http against a GraphQL endpoint: node audits.mjs <url>
// Prints one line per audit. Exits with 1 if any does not pass, warnings (SHOULD) included, or if there is none.
import { serverAudits } from 'graphql-http';

const url = process.argv[2];
if (!url) {
  console.error('usage: node audits.mjs <url>');
  process.exit(2);
}

let failed = 0;
const audits = serverAudits({ url });
for (const audit of audits) {
  const result = await audit.fn().catch((err) => ({ status: 'error', reason: String(err.cause ?? err) }));
  const passed = result.status === 'ok';
  if (!passed) failed++;
  console.log(`${result.status.padEnd(6)} ${audit.id} ${audit.name}${passed ? '' : ': ' + result.reason}`);
}
console.log(`${audits.length - failed} of ${audits.length} audits passed`);
process.exit(failed === 0 && audits.length > 0 ? 0 : 1);
