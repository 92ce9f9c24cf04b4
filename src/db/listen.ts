import { setTimeout as delay } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import type { DatabaseLog } from './client.ts';

export interface ListenOptions {
  /** Must reach PostgreSQL itself: a pooler in transaction mode loses LISTEN. */
  readonly url: string;
  readonly channel: string;
  readonly onNotify: (payload: string) => void;
  /** The connection was away for a while and notifications may be lost: look for yourself. */
  readonly onReconnect: () => void;
  readonly logger?: DatabaseLog;
}

export interface Listener {
  close(): Promise<void>;
}

const firstDelayMs = 100;
const longestDelayMs = 5_000;

/**
 * Listens on a connection of its own until closed, reconnecting for ever. Throws only when the very
 * first connection fails.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const closing = new AbortController();
  let connection = await connect(options);
  const keepListening = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await connection.ended;
      if (closing.signal.aborted) return;
      options.logger?.warn({ channel: options.channel }, 'listening connection lost, reconnecting');
      const next = await reconnect(options, closing.signal);
      if (next === undefined) return;
      connection = next;
      options.onReconnect();
    }
  };
  const running = keepListening();
  return {
    async close() {
      closing.abort();
      await connection.close();
      await running;
    },
  };
}

interface Connection {
  /** Settles when the connection is gone, for whatever reason; never rejects. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

async function connect(options: ListenOptions): Promise<Connection> {
  const client = new Client({
    connectionString: options.url,
    application_name: 'social-publisher listen',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const gone = Promise.withResolvers<void>();
  client.on('error', () => gone.resolve());
  client.on('end', () => gone.resolve());
  client.on('notification', (message) => options.onNotify(message.payload ?? ''));
  try {
    await client.connect();
    await client.query(`LISTEN ${escapeIdentifier(options.channel)}`);
  } catch (error) {
    await close(client);
    throw error;
  }
  return { ended: gone.promise, close: () => close(client) };
}

async function reconnect(
  options: ListenOptions,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    await delay(delayMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return undefined;
    const connection = await connect(options).catch(() => undefined);
    if (connection === undefined) continue;
    if (!signal.aborted) return connection;
    await connection.close();
    return undefined;
  }
}

async function close(client: Client): Promise<void> {
  await client.end().catch(() => undefined);
}
