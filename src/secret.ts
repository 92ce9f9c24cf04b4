import { inspect } from 'node:util';

/**
 * A value that prints as `[secret]` wherever it is printed: logs, JSON, templates, the inspector.
 * Only `reveal()` opens it, so that every place that sees a token can be found by searching for it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
