import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MigrationList } from '@prisma/schema-engine-wasm';
import { Client, type ClientBase } from 'pg';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { Database, DatabaseLog } from './client.ts';
import { builtInOnly } from './connection.ts';
import { type EngineTarget, withEngine } from './migration-engine.ts';

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

const prismaDir = fileURLToPath(new URL('../../prisma', import.meta.url));

const migrationsDir = join(prismaDir, 'migrations');

interface Migration {
  readonly name: string;
  readonly sql: string;
  /** As Prisma counts it: SHA-256 of the file. */
  readonly checksum: string;
}

/**
 * In the order they are applied.
 * @internal for tests
 */
export async function readMigrations(): Promise<Migration[]> {
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(names.toSorted().map(readMigration));
}

async function readMigration(name: string): Promise<Migration> {
  const sql = await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8');
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}

async function readLockfile(): Promise<string> {
  return readFile(join(migrationsDir, 'migration_lock.toml'), 'utf8');
}

async function readDatamodel(): Promise<{ path: string; content: string }> {
  const path = join(prismaDir, 'schema.prisma');
  return { path, content: await readFile(path, 'utf8') };
}

const historyRows = z.array(
  z.object({
    name: z.string(),
    checksum: z.string(),
    state: z.enum(['finished', 'unfinished', 'rolled_back']),
  }),
);

export type MigrationRow = z.infer<typeof historyRows>[number];

/** What the database remembers, oldest first; nothing when it was never migrated. */
async function readHistory(session: ClientBase): Promise<MigrationRow[]> {
  const table = await session.query(
    `SELECT 1 FROM pg_catalog.pg_tables
     WHERE schemaname = 'social_publisher' AND tablename = '_prisma_migrations'`,
  );
  if (table.rowCount === 0) return [];
  const { rows } = await session.query(
    `SELECT migration_name AS name, checksum,
       CASE WHEN rolled_back_at IS NOT NULL THEN 'rolled_back'
            WHEN finished_at IS NOT NULL THEN 'finished'
            ELSE 'unfinished' END AS state
     FROM social_publisher._prisma_migrations ORDER BY started_at`,
  );
  return historyRows.parse(rows);
}

/**
 * Makes `jit = off` the default of our own role in this database, unless it is already. For connections behind a
 * pooler: there a session's settings reach one connection or another, and a role's default reaches each new one.
 */
export async function turnJitOff(db: Database, log: DatabaseLog): Promise<void> {
  const [found] = await db.query<{ alteration: string }>({
    text: `SELECT format('ALTER ROLE %I IN DATABASE %I SET jit = off', session_user, current_database()) AS alteration
           FROM pg_settings WHERE name = 'jit' AND reset_val = 'on'`,
  });
  if (found === undefined) return;
  const { alteration } = found;
  try {
    await db.transaction(async (tx) => {
      // Two processes that alter a role at once would fail with "tuple concurrently updated".
      await tx.query({ text: 'SELECT pg_advisory_xact_lock(7109)' });
      await tx.query({ text: alteration });
    });
    log.info({ alteration }, 'JIT compilation turned off for new connections of the pooler');
  } catch (error) {
    log.warn(
      { err: error, alteration },
      'JIT compilation is on behind the pooler and slows every post down: run this statement as an administrator',
    );
  }
}
