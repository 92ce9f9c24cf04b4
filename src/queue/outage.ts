import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import { reconnectDelayMs } from './contract.ts';

/** The queue cannot be used at the moment. Nothing is kept back to be sent later: whoever asked asks again. */
export function queueUnavailable(cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new AppError('queue_unavailable', `The queue cannot be reached: ${reason}`, { cause });
}

/** The outcome of `work`, or a rejection once `deadlineMs` have passed. What is late is ignored, not stopped. */
export async function within<Result>(deadlineMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether `work` succeeds; why it does not is of no interest. */
export function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

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
