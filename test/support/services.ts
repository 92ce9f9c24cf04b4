import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findContainerObstacle, removeLeftContainers } from './docker.ts';
import { startPostgres, type TestPostgres } from './postgres-server.ts';
import { startRedis, type TestRedis } from './redis-server.ts';
import { openRunFolder, type RunFolder } from './run-folder.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A database on the run's server from which others can be created. */
    serverUrl: string;
    /** The name of a migrated database without rows. */
    templateDatabase: string;
    /** Of this run alone, removed at its end. */
    runFolder: string;
    redisUrl: string | undefined;
    /** Why this machine can start no containers; undefined where it can. */
    containerObstacle: string | undefined;
  }
}

interface Services {
  readonly folder: RunFolder;
  readonly postgres: TestPostgres;
  readonly redis: TestRedis | undefined;
}

// Each project of the run loads this file for itself; all of them share one set of services.
declare global {
  var socialPublisherServices: { started: Promise<Services>; users: number } | undefined;
}

/** Vitest's global setup: one PostgreSQL, and a Redis where this machine has one, for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (globalThis.socialPublisherServices ??= { started: start(), users: 0 });
  shared.users += 1;
  const services = await shared.started;
  project.provide('serverUrl', services.postgres.serverUrl);
  project.provide('templateDatabase', services.postgres.templateDatabase);
  project.provide('runFolder', services.folder.path);
  project.provide('redisUrl', services.redis?.url);
  // Only these tests use containers: for the others no image is pulled.
  const containerObstacle = project.name === 'e2e' ? await findContainerObstacle() : undefined;
  project.provide('containerObstacle', containerObstacle);
  return async () => {
    if (containerObstacle !== undefined) say(`skipped: tests in containers (${containerObstacle})`);
    shared.users -= 1;
    if (shared.users > 0) return;
    globalThis.socialPublisherServices = undefined;
    await stop(services);
  };
}

async function start(): Promise<Services> {
  const folder = await openRunFolder('inMemory');
  // The test files start the program's processes many times; compiling them is most of what a start costs.
  process.env['NODE_COMPILE_CACHE'] ??= join(folder.path, 'compiled');
  const [postgres, redis] = await Promise.all([
    startPostgres(folder),
    startRedis(folder),
    removeLeftContainers(),
  ]);
  return { folder, postgres, redis };
}

async function stop(services: Services): Promise<void> {
  await services.redis?.stop();
  await services.postgres.stop();
  await services.folder.remove();
  if (services.redis === undefined) {
    say('skipped: tests of the Redis backend (no redis-server on PATH and no TEST_REDIS_URL)');
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
