import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { z } from 'zod';
import { startEmbedded } from '../../src/db/embedded/embedded.ts';
import { readPostmaster, stopServer } from '../../src/db/embedded/server.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { RunFolder } from './run-folder.ts';
import { startStock, type TestServer } from './stock-postgres.ts';

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

export async function startServer(folder: RunFolder): Promise<TestServer> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) return { url: given, stop: () => Promise.resolve() };
  const binDir = process.env['TEST_POSTGRES_BIN'];
  if (binDir !== undefined) return startStock(folder, binDir);
  const embedded = await startEmbedded({ dataDir: folder.dataDir });
  const clusterDir = await clusterOf(folder);
  return {
    url: embedded.url,
    clusterDir,
    async stop() {
      const server = await readPostmaster(clusterDir);
      if (server !== undefined) await stopServer(server.pid);
      await embedded.stop();
    },
  };
}

async function clusterOf(folder: RunFolder): Promise<string> {
  const text = await readFile(join(folder.dataDir, 'postgres.json'), 'utf8');
  const { cluster_parent } = z.looseObject({ cluster_parent: z.string() }).parse(JSON.parse(text));
  return join(cluster_parent, 'data');
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
