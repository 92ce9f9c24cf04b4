import { randomUUID } from 'node:crypto';
import { escapeIdentifier } from 'pg';
import { inject } from 'vitest';
import type { TestDatabase } from './database.ts';
import { execute, urlOf } from './postgres-server.ts';

/**
 * A copy of a database that nobody uses at the moment, on the same server: as if it had been restored from a backup of this moment. The
 * program tells it from the old one by the database's oid, as it tells another server by its system_identifier.
 */
export async function backUp(databaseUrl: string): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const source = new URL(databaseUrl).pathname.slice(1);
  const name = `social_publisher_backup_${randomUUID()}`;
  await execute(
    serverUrl,
    `CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE ${escapeIdentifier(source)}`,
  );
  return {
    url: urlOf(serverUrl, name),
    drop: () => execute(serverUrl, `DROP DATABASE ${escapeIdentifier(name)} WITH (FORCE)`),
  };
}
