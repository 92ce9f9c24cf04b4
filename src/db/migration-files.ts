import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const prismaDir = fileURLToPath(new URL('../../prisma', import.meta.url));

export const migrationsDir = join(prismaDir, 'migrations');

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** As Prisma counts it: SHA-256 of the file. */
  readonly checksum: string;
}

/** In the order they are applied. */
export async function readMigrations(): Promise<Migration[]> {
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(names.toSorted().map(readMigration));
}

async function readMigration(name: string): Promise<Migration> {
  const sql = await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8');
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}

export async function readLockfile(): Promise<string> {
  return readFile(join(migrationsDir, 'migration_lock.toml'), 'utf8');
}

export async function readDatamodel(): Promise<{ path: string; content: string }> {
  const path = join(prismaDir, 'schema.prisma');
  return { path, content: await readFile(path, 'utf8') };
}
