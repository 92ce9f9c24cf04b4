import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { QueueBackend } from '../support/redis.ts';
import { type Steps, steps } from './cells.ts';

const short = ['matrix', 'weather', 'undisturbed', 'storm', 'naive', 'frozen'] as const;
/** Half an hour and an hour in real time, and 400 days in a quarter of an hour: only if they are named. */
const long = ['outage', 'secret', 'connections'] as const;

export interface ChaosOptions {
  readonly parts: ReadonlySet<string>;
  /** Null: as many as the part is about. */
  readonly posts: number | null;
  /** How long outage and secret last; null: as long as they should. */
  readonly minutes: number | null;
  readonly rounds: number;
  /** Null: each that this machine has. */
  readonly backend: QueueBackend | null;
  readonly seed: number;
  /** FACEBOOK_STEPS: both, unless one is named. */
  readonly steps: readonly Steps[];
}

const number = z.coerce.number().int().min(1);
const schema = z.object({
  posts: number.nullable().default(null),
  minutes: z.coerce.number().positive().nullable().default(null),
  rounds: number.default(2),
  backend: z.enum(['redis', 'postgres']).nullable().default(null),
  seed: number.default(7),
  steps: z.enum(steps).optional(),
  parts: z.array(z.enum([...short, ...long])),
});

export function readOptions(args: readonly string[]): ChaosOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      posts: { type: 'string' },
      minutes: { type: 'string' },
      rounds: { type: 'string' },
      backend: { type: 'string' },
      seed: { type: 'string' },
      steps: { type: 'string' },
    },
  });
  const read = schema.parse({ ...values, parts: positionals });
  return {
    ...read,
    parts: new Set(read.parts.length === 0 ? short : read.parts),
    steps: read.steps === undefined ? steps : [read.steps],
  };
}
