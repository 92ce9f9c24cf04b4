import { buildApi } from '../api/server.ts';
import type { Config } from '../config.ts';
import { type Database, openDatabase } from '../db/client.ts';
import { type Embedded, startEmbedded } from '../db/embedded.ts';
import { migrate, pendingMigrations } from '../db/migrate.ts';
import { loadProcessConfig } from '../embedded-secrets.ts';
import { createLogger, type Logger } from '../log.ts';
import { openServices, type Services } from '../services.ts';
import { plural } from '../story/words.ts';
import { type Api, apiOver } from './api.ts';
import { CommandError } from './failure.ts';

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
  api(): Promise<Api>;
  close(): Promise<void>;
}

export function openSession(env: Readonly<Record<string, string | undefined>>): Session {
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
    return apiOver(app, token);
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
