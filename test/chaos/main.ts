import { print } from '../bench/print.ts';
import type { QueueBackend } from '../support/redis.ts';
import type { Steps } from './cells.ts';
import { proveConnections } from './connections-report.ts';
import { runFrozen } from './frozen.ts';
import { type Ground, openGround } from './ground.ts';
import { proveMatrix } from './matrix-report.ts';
import { type NaiveReport, runNaive } from './naive.ts';
import { readOptions } from './options.ts';
import { runStorm } from './storm.ts';
import { printFrozen, printStorm } from './storm-report.ts';
import { proveTrouble } from './trouble.ts';
import { proveWeather } from './weather-matrix.ts';

/** `npm run chaos [-- matrix|weather|undisturbed|storm|naive|frozen|outage|secret|connections …] [--posts N] [--minutes N] [--rounds N] [--backend redis|postgres] [--steps two|one]` */
const options = readOptions(process.argv.slice(2));
const { parts, seed } = options;
const startedAt = performance.now();
const ground = await openGround();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void ground.close().finally(() => process.exit(1)));
}
let broken = 0;
try {
  if (parts.has('connections')) broken += await proveConnections(ground.serverUrl, seed);
  for (const backend of backendsOf(ground)) {
    for (const steps of options.steps) {
      if (parts.has('matrix')) broken += await proveMatrix(ground, backend, steps);
      if (parts.has('weather')) broken += await proveWeather(ground, backend, steps);
      if (['undisturbed', 'storm', 'naive'].some((part) => parts.has(part))) {
        broken += await storm(backend, steps);
      }
    }
    if (parts.has('frozen')) {
      broken += printFrozen(backend, await runFrozen(ground, backend, options.rounds));
    }
    for (const name of ['outage', 'secret'] as const) {
      const posts = options.posts ?? 1_000;
      if (parts.has(name))
        broken += await proveTrouble(ground, { ...options, backend, name, posts });
    }
  }
} finally {
  await ground.close();
}
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
print(
  `\n${broken === 0 ? 'every promise was kept' : `${broken} promises were broken`}, ${minutes} min`,
);
process.exit(broken === 0 ? 0 : 1);

async function storm(backend: QueueBackend, steps: Steps): Promise<number> {
  const load = { backend, steps, posts: options.posts ?? 5_000, seed };
  const undisturbed = parts.has('undisturbed')
    ? await runStorm(ground, { ...load, isStormy: false })
    : null;
  const stormy = parts.has('storm') ? await runStorm(ground, { ...load, isStormy: true }) : null;
  const naive: [string, NaiveReport][] = [];
  // It knows one step only, and is printed beside the first.
  if (parts.has('naive') && steps === options.steps[0]) {
    naive.push(['storm, naive worker', await runNaive(ground, { ...load, isStormy: true })]);
    if (backend === 'redis') {
      // A flush takes all jobs at once, and hides what else happens to them.
      const spared = { ...load, isStormy: true, sparesRedis: true };
      naive.push(['the same, Redis spared', await runNaive(ground, spared)]);
    }
  }
  return printStorm({ backend, steps, undisturbed, storm: stormy, naive });
}

function backendsOf({ redisUrl }: Ground): readonly QueueBackend[] {
  if (redisUrl === undefined) print('no redis-server on this machine: only the PostgreSQL queue');
  const all: readonly QueueBackend[] =
    redisUrl === undefined ? ['postgres'] : ['redis', 'postgres'];
  return all.filter((backend) => options.backend === null || options.backend === backend);
}
