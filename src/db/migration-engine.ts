import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import type { PoolConfig } from 'pg';
import { z } from 'zod';
import { afterConnect } from './connection.ts';

/**
 * Lends Prisma's schema engine as WebAssembly: the same engine as the CLI's, without a download.
 * Its connections are closed when `work` ends; the engine itself leaves them open.
 */
export async function withEngine<T>(
  target: EngineTarget,
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  const { SchemaEngine: engineClass } = await (loading ??= loadEngine());
  const open: SqlDriverAdapter[] = [];
  const engine = await engineClass.new(
    { datamodels: [[target.datamodel.path, target.datamodel.content]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(adapterFactory(target, open)),
  );
  try {
    return await work(engine);
  } finally {
    engine.free();
    for (const adapter of open.toReversed()) await adapter.dispose();
  }
}

export interface EngineTarget {
  readonly url: string;
  readonly schemaName: string;
  readonly datamodel: { readonly path: string; readonly content: string };
}

/** Node has it; its types come with TypeScript's library for browsers only. */
declare const WebAssembly: {
  instantiate(
    binary: Uint8Array,
    imports: object,
  ): Promise<{ readonly instance: { readonly exports: unknown } }>;
};

const wasmExports = z.looseObject({
  __wbindgen_start: z.custom<() => void>((value) => typeof value === 'function'),
});

type EngineModule = typeof import('@prisma/schema-engine-wasm');

/** Once per process: the binding keeps its instance and views of its memory in module variables. */
let loading: Promise<EngineModule> | undefined;

/** As the package's own entry does, but for `import … .wasm`, of which Node warns every user. */
async function loadEngine(): Promise<EngineModule> {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  const binding = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const binary = await readFile(join(folder, 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(binary, {
    './schema_engine_bg.js': letProcessEnd({ ...binding }),
  });
  // oxlint-disable-next-line no-underscore-dangle -- wasm-bindgen's names
  binding.__wbg_set_wasm(instance.exports);
  // oxlint-disable-next-line no-underscore-dangle -- wasm-bindgen's names
  wasmExports.parse(instance.exports).__wbindgen_start();
  return binding;
}

/** The engine leaves behind the timer that bounds its wait for a lock: 10 s in which no process ends. */
function letProcessEnd(imports: Record<string, unknown>): Record<string, unknown> {
  const names = Object.keys(imports).filter((name) => name.startsWith('__wbg_setTimeout_'));
  return { ...imports, ...Object.fromEntries(names.map((name) => [name, startTimer])) };
}

function startTimer(callback: () => void, delayMs: number): NodeJS.Timeout {
  return setTimeout(callback, delayMs).unref();
}

function adapterFactory(
  { url, schemaName }: EngineTarget,
  open: SqlDriverAdapter[],
): SqlMigrationAwareDriverAdapterFactory {
  const connect = async (to: string): Promise<SqlDriverAdapter> => {
    const adapter = keepScriptsWhole(await pgFactory(to, schemaName).connect());
    disposeOnce(adapter, adapter.dispose.bind(adapter));
    open.push(adapter);
    return adapter;
  };
  const { provider, adapterName } = pgFactory(url, schemaName);
  return {
    provider,
    adapterName,
    connect: () => connect(url),
    connectToShadowDb: () => connectToShadow(url, connect),
  };
}

function pgFactory(url: string, schemaName: string): PrismaPg {
  const pool: PoolConfig = {
    connectionString: url,
    application_name: 'social-publisher migrate',
    max: 1,
    // The engine names its own table without a schema.
    verify: afterConnect((client) =>
      client.query(`SET search_path TO ${schemaName}; SET TIME ZONE 'UTC'`),
    ),
  };
  return new PrismaPg(pool, { schema: schemaName });
}

/**
 * The adapter's `executeScript` cuts scripts at every semicolon, those in function bodies too. A
 * query without arguments goes to the server whole, and as one implicit transaction.
 */
function keepScriptsWhole(adapter: SqlDriverAdapter): SqlDriverAdapter {
  adapter.executeScript = (script) => execute(adapter, script);
  return adapter;
}

const catalogCharacters = new Set(['confdeltype', 'confupdtype', 'constraint_type']);

/**
 * The adapter refuses PostgreSQL's one-byte `"char"`, in which the catalog says of what kind a
 * constraint is: so these columns travel as text, and the engine is told that they are characters.
 */
function readCatalogCharacters(adapter: SqlDriverAdapter): SqlDriverAdapter {
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    const sql = query.sql
      .replaceAll(/\bcon\.(confdeltype|confupdtype),/g, 'con.$1::text AS $1,')
      .replaceAll('constr.contype AS constraint_type', 'constr.contype::text AS constraint_type');
    const result = await queryRaw({ ...query, sql });
    const columnTypes = result.columnTypes.map((type, index) =>
      catalogCharacters.has(result.columnNames[index] ?? '') ? ColumnTypeEnum.Character : type,
    );
    return { ...result, columnTypes };
  };
  return adapter;
}

/** Not the adapter's own way: given a URL, that one works on the database of the URL itself. */
async function connectToShadow(
  url: string,
  connect: (to: string) => Promise<SqlDriverAdapter>,
): Promise<SqlDriverAdapter> {
  const name = `social_publisher_shadow_${randomUUID()}`;
  const main = await connect(url);
  await execute(main, `CREATE DATABASE "${name}"`);
  const shadowUrl = new URL(url);
  shadowUrl.pathname = `/${name}`;
  const shadow = readCatalogCharacters(await connect(shadowUrl.href));
  const disconnect = shadow.dispose.bind(shadow);
  disposeOnce(shadow, async () => {
    await disconnect();
    await execute(main, `DROP DATABASE "${name}" WITH (FORCE)`);
    await main.dispose();
  });
  return shadow;
}

/** The engine disposes of some of its connections itself. */
function disposeOnce(adapter: SqlDriverAdapter, dispose: () => Promise<void>): void {
  let disposing: Promise<void> | undefined;
  adapter.dispose = () => (disposing ??= dispose());
}

async function execute(adapter: SqlDriverAdapter, sql: string): Promise<void> {
  await adapter.executeRaw({ sql, args: [], argTypes: [] });
}
