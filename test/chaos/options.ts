import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { QueueBackend } from '../support/redis.ts';
import { type Steps, steps } from './cells.ts';

const parts = ['matrix', 'weather', 'undisturbed', 'storm', 'naive', 'frozen'] as const;

export interface ChaosOptions {
  readonly parts: ReadonlySet<string>;
  readonly posts: number;
  readonly rounds: number;
  /** Null: each that this machine has. */
  readonly backend: QueueBackend | null;
  readonly seed: number;
  /** FACEBOOK_STEPS: both, unless one is named. */
  readonly steps: readonly Steps[];
}

const number = z.coerce.number().int().min(1);
const schema = z.object({
  posts: number.default(5_000),
  rounds: number.default(2),
  backend: z.enum(['redis', 'postgres']).nullable().default(null),
  seed: number.default(7),
  steps: z.enum(steps).optional(),
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
      steps: { type: 'string' },
    },
  });
  const read = schema.parse({ ...values, parts: positionals });
  return {
    ...read,
    parts: new Set(read.parts.length === 0 ? parts : read.parts),
    steps: read.steps === undefined ? steps : [read.steps],
  };
}
