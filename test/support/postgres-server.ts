import { randomUUID } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';
import { startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { RunFolder } from './run-folder.ts';
import { startStock } from './stock-postgres.ts';

export interface TestPostgres {
  readonly serverUrl: string;
  readonly templateDatabase: string;
  stop(): Promise<void>;
}

/**
 * The server that TEST_DATABASE_URL names, as a role that may create databases; else one of our own,
 * of the programs in the folder TEST_POSTGRES_BIN or, where that is not set, the embedded one.
 */
export async function startPostgres(folder: RunFolder): Promise<TestPostgres> {
  const server = await startServer(folder);
  const templateDatabase = `social_publisher_template_${randomUUID()}`;
  try {
    await execute(server.url, `CREATE DATABASE ${escapeIdentifier(templateDatabase)}`);
    await migrate(urlOf(server.url, templateDatabase));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    serverUrl: server.url,
    templateDatabase,
    async stop() {
      await execute(server.url, `DROP DATABASE ${escapeIdentifier(templateDatabase)}`);
      await server.stop();
    },
  };
}

async function startServer(
  folder: RunFolder,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) return { url: given, stop: () => Promise.resolve() };
  const binDir = process.env['TEST_POSTGRES_BIN'];
  if (binDir !== undefined) return startStock(folder, binDir);
  return startEmbedded({ dataDir: folder.dataDir });
}

export function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

export async function execute(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
