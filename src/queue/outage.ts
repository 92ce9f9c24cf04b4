import type { Logger } from 'pino';
import { reconnectDelayMs } from './settings.ts';

/**
 * Turns the stream of errors that a lost connection makes into two log lines: away, and back.
 * An error while the backend answers is logged as it is.
 */
export class Outage {
  readonly #ping: () => Promise<void>;
  readonly #logger: Logger;
  #watching = false;
  #stopped = false;

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
      this.#logger.warn({ err: error }, 'queue error');
    } else {
      this.#logger.error({ err: error }, 'queue is away; jobs wait until it is back');
      while (!(await this.#answers())) await pause(reconnectDelayMs);
      if (!this.#stopped) this.#logger.info('queue is back');
    }
    this.#watching = false;
  }

  /** Once stopped the answer is of no interest, and yes ends the watch. */
  async #answers(): Promise<boolean> {
    if (this.#stopped) return true;
    return this.#ping().then(
      () => true,
      () => this.#stopped,
    );
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs).unref();
  });
}
