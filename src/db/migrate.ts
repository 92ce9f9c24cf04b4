import type { MigrationList } from '@prisma/schema-engine-wasm';
import { Client } from 'pg';
import { AppError } from '../errors.ts';
import { builtInOnly } from './connection.ts';
import { type EngineTarget, withEngine } from './migration-engine.ts';
import {
  type Migration,
  migrationsDir,
  readDatamodel,
  readLockfile,
  readMigrations,
} from './migration-files.ts';
import { readHistory } from './migration-history.ts';

/** Also where Prisma's own table of migrations lives, so that a calendar's migrations never meet ours. */
const schemaName = 'social_publisher';

/** Any number that is not Prisma's own (72707369), which its engine may take on another connection. */
const advisoryLock = 5_120_260_718;

const noFilters = { externalTables: [], externalEnums: [] };

/**
 * Brings the database up to date; safe to call from many processes at once. A migration whose
 * process died half-way is run again: each is one transaction, so nothing of it was kept.
 * The history agrees with `prisma migrate deploy`.
 */
export async function migrate(url: string): Promise<{ applied: string[] }> {
  return withSession(url, async (session) => {
    const migrations = await readMigrations();
    if ((await pendingOf(session, migrations)).length === 0) return { applied: [] };
    await session.query('SELECT pg_advisory_lock($1)', [advisoryLock]);
    const pending = await pendingOf(session, migrations);
    if (pending.length === 0) return { applied: [] };
    return apply(url, session, migrations);
  });
}

/** Names of migrations this version brings that the database has not finished. */
export async function pendingMigrations(url: string): Promise<string[]> {
  return withSession(url, async (session) => pendingOf(session, await readMigrations()));
}

/**
 * The SQL that leads from the migrations to `schema.prisma`; empty when there is nothing to do.
 * Needs the right to create a database, which it drops again.
 */
export async function draftMigration(url: string): Promise<string> {
  // Seen from another schema, ours is named wherever a table is.
  const target = { ...(await targetOf(url)), schemaName: 'public' };
  return withEngine(target, async (engine) => {
    const { stdout } = await engine.diff({
      from: { tag: 'migrations', ...(await migrationList(await readMigrations())) },
      to: { tag: 'schemaDatamodel', files: [await readDatamodel()] },
      script: true,
      exitCode: null,
      filters: noFilters,
    });
    const script = stdout ?? '';
    return /^--\s*This is an empty migration\.\s*$/.test(script.trim()) ? '' : script;
  });
}

async function apply(
  url: string,
  session: Client,
  migrations: readonly Migration[],
): Promise<{ applied: string[] }> {
  await session.query(`CREATE SCHEMA IF NOT EXISTS ${schemaName}`);
  return withEngine(await targetOf(url), async (engine) => {
    for (const row of await readHistory(session)) {
      if (row.state === 'unfinished')
        await engine.markMigrationRolledBack({ migrationName: row.name });
    }
    const migrationsList = await migrationList(migrations);
    const result = await engine.applyMigrations({ migrationsList, filters: noFilters });
    return { applied: result.appliedMigrationNames };
  });
}

async function pendingOf(session: Client, migrations: readonly Migration[]): Promise<string[]> {
  const history = await readHistory(session);
  const finished = new Map(
    history.filter((row) => row.state === 'finished').map((row) => [row.name, row.checksum]),
  );
  for (const migration of migrations) {
    const checksum = finished.get(migration.name);
    if (checksum !== undefined && checksum !== migration.checksum) throw editedSince(migration);
  }
  return migrations.filter(({ name }) => !finished.has(name)).map(({ name }) => name);
}

function editedSince(migration: Migration): AppError {
  return new AppError(
    'migration_edited',
    `Migration ${migration.name} is not the one this database was made with: migrations never change once applied. Restore the file, or start from an empty database.`,
  );
}

async function migrationList(migrations: readonly Migration[]): Promise<MigrationList> {
  return {
    baseDir: migrationsDir,
    lockfile: { path: 'migration_lock.toml', content: await readLockfile() },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  };
}

async function targetOf(url: string): Promise<EngineTarget> {
  return { url, schemaName, datamodel: await readDatamodel() };
}

async function withSession<T>(url: string, work: (session: Client) => Promise<T>): Promise<T> {
  const session = new Client({
    connectionString: url,
    application_name: 'social-publisher migrate',
  });
  session.on('error', () => undefined);
  await session.connect();
  try {
    await session.query(builtInOnly);
    return await work(session);
  } finally {
    await session.end();
  }
}
