import { randomUUID } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';
import { startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { RunFolder } from './run-folder.ts';

export interface TestPostgres {
  readonly serverUrl: string;
  readonly templateDatabase: string;
  stop(): Promise<void>;
}

/** TEST_DATABASE_URL when set, its role must be able to create databases; else a server of our own. */
export async function startPostgres(folder: RunFolder): Promise<TestPostgres> {
  const given = process.env['TEST_DATABASE_URL'];
  const embedded =
    given === undefined ? await startEmbedded({ dataDir: folder.dataDir }) : undefined;
  const serverUrl = given ?? embedded?.url ?? '';
  const templateDatabase = `social_publisher_template_${randomUUID()}`;
  try {
    await execute(serverUrl, `CREATE DATABASE ${escapeIdentifier(templateDatabase)}`);
    await migrate(urlOf(serverUrl, templateDatabase));
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
  return {
    serverUrl,
    templateDatabase,
    async stop() {
      await execute(serverUrl, `DROP DATABASE ${escapeIdentifier(templateDatabase)}`);
      await embedded?.stop();
    },
  };
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
