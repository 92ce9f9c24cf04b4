import { randomUUID } from 'node:crypto';
import { escapeIdentifier } from 'pg';
import { inject } from 'vitest';
import { execute, urlOf } from './postgres-server.ts';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A migrated database without rows, for one test file; drop it in `afterAll`. */
export function createTestDatabase(): Promise<TestDatabase> {
  return create(`TEMPLATE ${escapeIdentifier(inject('templateDatabase'))}`);
}

/** A database in which no migration ever ran. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create('TEMPLATE template0');
}

async function create(options: string): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const name = `social_publisher_test_${randomUUID()}`;
  await execute(serverUrl, `CREATE DATABASE ${escapeIdentifier(name)} ${options}`);
  return {
    url: urlOf(serverUrl, name),
    drop: () => execute(serverUrl, `DROP DATABASE ${escapeIdentifier(name)} WITH (FORCE)`),
  };
}
