import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { QueueBackend } from '../support/redis.ts';

const parts = ['matrix', 'undisturbed', 'storm', 'naive', 'frozen'] as const;

export interface ChaosOptions {
  readonly parts: ReadonlySet<string>;
  readonly posts: number;
  readonly rounds: number;
  /** Null: each that this machine has. */
  readonly backend: QueueBackend | null;
  readonly seed: number;
}

const number = z.coerce.number().int().min(1);
const schema = z.object({
  posts: number.default(5_000),
  rounds: number.default(2),
  backend: z.enum(['redis', 'postgres']).nullable().default(null),
  seed: number.default(7),
  parts: z.array(z.enum(parts)),
});

export function readOptions(args: readonly string[]): ChaosOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      posts: { type: 'string' },
      rounds: { type: 'string' },
      backend: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const read = schema.parse({ ...values, parts: positionals });
  return { ...read, parts: new Set(read.parts.length === 0 ? parts : read.parts) };
}
