import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { buildApi } from '../api/server.ts';
import type { Config } from '../config/config.ts';
import { loadProcessConfig } from '../config/data-dir.ts';
import { type Database, openDatabase } from '../db/client.ts';
import { type Embedded, startEmbedded } from '../db/embedded/embedded.ts';
import { migrate, pendingMigrations } from '../db/migrate.ts';
import { createLogger, type Logger } from '../log.ts';
import { openServices, type Services } from '../services.ts';
import { plural } from '../story/views.ts';
import { type ApiClient, createClient } from './api.ts';
import { CommandError } from './failure.ts';
import { type Column, type Io, renderTable, type Style, styleFor } from './terminal.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the action of a command is given. */
export interface Run {
  readonly io: Io;
  readonly env: Environment;
  readonly style: Style;
  /** Whether a script reads the output. */
  readonly isJson: boolean;
  readonly session: Session;
  /** For scripts the value as JSON, for people the text. */
  readonly answer: (value: unknown, text: () => string) => void;
  readonly table: <Row>(
    columns: readonly Column<Row>[],
    rows: readonly Row[],
    none: string,
  ) => void;
  /** The command did its work, and what it found is not good: the exit code says so. */
  readonly fail: () => void;
}

export type Launch = (command: Command, work: (run: Run) => Promise<void>) => Promise<void>;

const globalOptions = z.object({ json: z.boolean().default(false) });

/** Opens what the command needs, runs it, and closes everything again whatever happened. */
export function launcher(io: Io, env: Environment, setExitCode: (code: number) => void): Launch {
  return async (command, work) => {
    const { json } = globalOptions.parse(command.optsWithGlobals());
    const style = styleFor(io.stdout, env);
    const print = (text: string): void => {
      io.stdout.write(text);
    };
    const session = openSession(env);
    try {
      await work({
        io,
        env,
        style,
        isJson: json,
        session,
        answer: (value, text) => print(json ? `${JSON.stringify(value, null, 2)}\n` : text()),
        table: (columns, rows, none) => {
          if (json) return print(`${JSON.stringify(rows, null, 2)}\n`);
          print(rows.length === 0 ? `${none}\n` : renderTable(columns, rows, io.stdout, style));
        },
        fail: () => setExitCode(1),
      });
    } finally {
      await session.close();
    }
  };
}

/** What a command may open. Each is made when it is first asked for, and closed with the session. */
export interface Session {
  readonly config: Config;
  readonly log: Logger;
  /** Of the database past any pooler; starts, or joins, the embedded server. */
  databaseUrl(): Promise<string>;
  /** Of a database that this version's migrations have been applied to. */
  database(): Promise<Database>;
  /** What makes calls to the networks, beside a fleet that may be running. */
  services(): Promise<Services>;
  api(): Promise<ApiClient>;
  close(): Promise<void>;
}

function openSession(env: Readonly<Record<string, string | undefined>>): Session {
  const config = loadProcessConfig(env, { role: 'cli' });
  // A command's own output is its answer; what the parts of the program have to say is noise beside it.
  const level = env['LOG_LEVEL'] === undefined ? 'fatal' : config.logLevel;
  const log = createLogger({ level, destination: process.stderr });
  const closers: (() => Promise<void>)[] = [];
  const onClose = (close: () => Promise<void>): void => {
    closers.unshift(close);
  };

  const embedded = once(async () => {
    const server = await startEmbedded({ dataDir: config.dataDir, logger: log });
    onClose(() => server.stop());
    return server;
  });
  const databaseUrl = async (): Promise<string> =>
    config.database.kind === 'url' ? config.database.directUrl.reveal() : (await embedded()).url;
  const database = once(async () => {
    const url = await databaseUrl();
    await bringUpToDate(config, url, embedded);
    const pooled = config.database.kind === 'url' ? config.database.url.reveal() : url;
    const db = openDatabase({ url: pooled, maxConnections: 4, logger: log });
    onClose(() => db.close());
    return db;
  });
  const services = once(async () => {
    const opened = openServices(config, await database(), log, await databaseUrl());
    onClose(() => opened.queues.close());
    return opened;
  });
  const api = once(async () => {
    const app = await buildApi(await services());
    onClose(() => app.close());
    const [token] = config.adminTokens;
    if (token === undefined) throw new CommandError('configuration', 'ADMIN_TOKEN is not set.');
    return createClient(app, token);
  });

  return {
    config,
    log,
    databaseUrl,
    database,
    services,
    api,
    async close() {
      for (const close of closers) await close();
    },
  };
}

/** A database of our own is brought up to date; an operator's is only looked at. */
async function bringUpToDate(
  config: Config,
  url: string,
  embedded: () => Promise<Embedded>,
): Promise<void> {
  if (config.database.kind === 'embedded' && !(await embedded()).joined) {
    await migrate(url);
    return;
  }
  const pending = await pendingMigrations(url);
  if (pending.length === 0) return;
  throw new CommandError(
    'migrations_pending',
    `The database lacks ${plural(pending.length, 'migration')} of this version (${pending.join(', ')}): run \`npm run db:migrate\` first.`,
  );
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

const manifest = z.object({ version: z.string() });

/** Of this program, as package.json names it. */
export const { version } = manifest.parse(
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
);
