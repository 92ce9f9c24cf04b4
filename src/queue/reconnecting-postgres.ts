import { EventEmitter } from 'node:events';
import {
  assertSchemaCompatibility,
  ConnectionClosedError,
  PostgresConnection,
  type PostgresPoolConfig,
  PostgresQueueBackend,
} from 'bullmq';

/**
 * BullMQ's connection, without two habits of 6.7.0 that would outlive an outage: it remembers a first check
 * that failed for ever, and it takes a server that is going down or coming up for an ordinary error, on which
 * a worker spins without a pause and a job that had completed is recorded as failed.
 */
export class ReconnectingPostgres extends PostgresConnection {
  #checked: Promise<void> | undefined;

  constructor(config: PostgresPoolConfig) {
    super(config);
    hearErrors(this.pool);
    const query = this.pool.query.bind(this.pool);
    this.pool.query = async (text, params) => {
      try {
        return await query(text, params);
      } catch (error) {
        throw isOutage(error) ? asOutage(error) : error;
      }
    };
  }

  override async waitUntilReady(): Promise<void> {
    this.#checked ??= this.#check();
    try {
      await this.#checked;
    } catch (error) {
      this.#checked = undefined;
      throw asOutage(error);
    }
  }

  async #check(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await assertSchemaCompatibility(client, this.schema);
    } finally {
      client.release();
    }
  }
}

/**
 * BullMQ's backend, which would remember a first look at its connection that failed for ever: every job that one such
 * queue hands out could then not be removed, for the life of the process.
 */
export class ReconnectingBackend extends PostgresQueueBackend {
  override async waitUntilReady(): Promise<void> {
    await this.connection.waitUntilReady();
    await super.waitUntilReady();
  }
}

/**
 * A connection that breaks while it is lent out and asked nothing tells nobody of it, and an error event without a
 * listener ends the process. Whoever has it finds it broken at the next question.
 */
function hearErrors(pool: unknown): void {
  if (!(pool instanceof EventEmitter)) return;
  pool.on('connect', (client: unknown) => {
    if (client instanceof EventEmitter) client.on('error', () => undefined);
  });
}

function asOutage(cause: unknown): ConnectionClosedError {
  const message = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new ConnectionClosedError(message, cause instanceof Error ? cause : undefined);
}

/** PostgreSQL's classes 08 (connection) and 57P (shutdown, starting up), 53300 (too many connections). */
const outageCode = /^(08...|57P..|53300|ECONN.*|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** The driver gives these no code. */
const outageMessage =
  /^Connection terminated|^timeout exceeded when trying to connect|^Query read timeout|not queryable$/;

function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return outageCode.test(code) || outageMessage.test(error.message);
}
