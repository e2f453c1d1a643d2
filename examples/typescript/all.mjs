// Runs all examples: node all.mjs [url [schema.graphql]]. Exit code 1 when one of them is surprised.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

let failures = 0;
for (const name of ['apollo', 'urql', 'relay', 'ids']) {
  console.log(`${name}:`);
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(`${name}.mjs`, import.meta.url)), ...process.argv.slice(2)], { stdio: 'inherit', timeout: 120_000 });
  if (status !== 0) {
    failures++;
    console.log(`FAIL  ${name} ended with ${status}`);
  }
}
process.exit(failures === 0 ? 0 : 1);
