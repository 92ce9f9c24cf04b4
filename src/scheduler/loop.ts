import type { Logger } from '../log.ts';

export interface LoopOptions {
  /** What the log calls it. */
  readonly name: string;
  readonly log: Logger;
  /** The longest pause between two passes, and the pause after a failed one. */
  readonly pollMs: number;
  /** Resolves with the milliseconds until there may be more to do. */
  pass(): Promise<number>;
}

/** Runs passes one after the other until stopped; an outage is told once, not once a pass. */
export class Loop {
  readonly #options: LoopOptions;
  #failing = false;
  #stopped = false;
  #woken = false;
  #wakeUp: (() => void) | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** The next pass begins at once, or right after the one under way. */
  wake(): void {
    this.#woken = true;
    this.#wakeUp?.();
  }

  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false;
      const nextInMs = await this.#pass();
      await this.#sleep(Math.min(nextInMs, this.#options.pollMs));
    }
  }

  async #pass(): Promise<number> {
    const { name, log, pollMs } = this.#options;
    try {
      const nextInMs = await this.#options.pass();
      if (this.#failing) log.info({ loop: name }, 'going on again');
      this.#failing = false;
      return nextInMs;
    } catch (error) {
      if (!this.#failing) log.error({ err: error, loop: name }, 'standing still');
      this.#failing = true;
      return pollMs;
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, ms));
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = undefined;
  }
}
