import type { Logger } from 'pino';
import { succeeds } from './deadline.ts';
import { reconnectDelayMs } from './settings.ts';

/** A wiped backend makes an error for each job that was under way: one line in so long tells of them. */
const linePauseMs = 10_000;

/**
 * Turns the stream of errors that a lost connection makes into two log lines: away, and back.
 * Errors while the backend answers are logged as they are, but one line in ten seconds at most.
 */
export class Outage {
  readonly #ping: () => Promise<void>;
  readonly #logger: Logger;
  #watching = false;
  #stopped = false;
  #lineAt = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  constructor(ping: () => Promise<void>, logger: Logger) {
    this.#ping = ping;
    this.#logger = logger;
  }

  report(error: unknown): void {
    if (this.#watching || this.#stopped) return;
    this.#watching = true;
    void this.#watch(error);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #watch(error: unknown): Promise<void> {
    if (await this.#answers()) {
      this.#log(error);
    } else {
      this.#logger.error({ err: error }, 'queue is away; jobs wait until it is back');
      while (!(await this.#answers())) await pause(reconnectDelayMs);
      if (!this.#stopped) this.#logger.info('queue is back');
      // Connections that died in the outage may say so a little later: that is told already.
      this.#lineAt = performance.now();
    }
    this.#watching = false;
  }

  #log(error: unknown): void {
    const now = performance.now();
    if (now - this.#lineAt < linePauseMs) {
      this.#unlogged += 1;
      return;
    }
    this.#logger.warn({ err: error, unlogged: this.#unlogged }, 'queue error');
    this.#lineAt = now;
    this.#unlogged = 0;
  }

  /** Once stopped the answer is of no interest, and yes ends the watch. */
  async #answers(): Promise<boolean> {
    if (this.#stopped) return true;
    return (await succeeds(this.#ping())) || this.#stopped;
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs).unref();
  });
}
