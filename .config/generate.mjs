// Runs after `npm ci`, before anything is known to work: plain JavaScript, so that Node 20 can run it too.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Prisma is a devDependency: an installation for production brings its generated client along. */
function prismaCli() {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve('prisma/package.json');
    return join(dirname(manifest), require(manifest).bin.prisma);
  } catch {
    return undefined;
  }
}

function generate(cli) {
  return spawnSync(process.execPath, [cli, 'generate', '--no-hints'], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      // `generate` never runs the schema engine but would download it; any executable satisfies it.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  });
}

const cli = prismaCli();
if (cli !== undefined && existsSync(join(root, 'prisma', 'schema.prisma'))) {
  const run = generate(cli);
  if (run.status !== 0) {
    process.stderr.write(`${run.stdout ?? ''}${run.stderr ?? ''}\n`);
    process.stderr.write(
      'The database client was not generated; `npm run postinstall` tries again.\n',
    );
    process.exitCode = 1;
  }
}
