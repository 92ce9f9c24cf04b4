import { randomUUID } from 'node:crypto';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { inject } from 'vitest';
import { images, labelsOf } from './docker.ts';
import { execute, urlOf } from './postgres-server.ts';

/** PostgreSQL and Redis in containers of this test file. */
export interface ContainerServices {
  readonly redisUrl: string;
  /** A database without anything in it. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

// Containers of killed runs are removed by the next run (see docker.ts): one image less that must be pulled.
process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';

const startupTimeoutMs = 60_000;
const credentials = { user: 'publisher', password: 'only-for-tests' } as const;

export async function startContainers(): Promise<ContainerServices> {
  const starting = await Promise.allSettled([startPostgres(), startRedis()]);
  const [postgres, redis] = starting;
  const started = starting.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((container) => container.stop({ removeVolumes: true })));
  };
  if (postgres.status === 'rejected' || redis.status === 'rejected') {
    await stop();
    throw new Error('A container did not start.', { cause: starting });
  }
  const serverUrl = serverUrlOf(postgres.value);
  return {
    redisUrl: `redis://${redis.value.getHost()}:${redis.value.getMappedPort(6379)}`,
    async createDatabase() {
      const name = `publisher_${randomUUID().replaceAll('-', '')}`;
      await execute(serverUrl, `CREATE DATABASE ${name}`);
      return urlOf(serverUrl, name);
    },
    stop,
  };
}

function startPostgres(): Promise<StartedTestContainer> {
  return (
    new GenericContainer(images.postgres)
      .withLabels(labelsOf(inject('runFolder')))
      .withEnvironment({
        POSTGRES_USER: credentials.user,
        POSTGRES_PASSWORD: credentials.password,
        POSTGRES_DB: 'postgres',
      })
      .withExposedPorts(5432)
      // By TCP, as the server that prepares a new database listens on its socket only.
      .withWaitStrategy(Wait.forSuccessfulCommand(`pg_isready -h 127.0.0.1 -U ${credentials.user}`))
      .withStartupTimeout(startupTimeoutMs)
      .start()
  );
}

function startRedis(): Promise<StartedTestContainer> {
  return new GenericContainer(images.redis)
    .withLabels(labelsOf(inject('runFolder')))
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/i))
    .withStartupTimeout(startupTimeoutMs)
    .start();
}

function serverUrlOf(container: StartedTestContainer): string {
  const { user, password } = credentials;
  const address = `${container.getHost()}:${container.getMappedPort(5432)}`;
  return `postgresql://${user}:${password}@${address}/postgres`;
}
