import { z } from 'zod';
import type { Weather } from './weather.ts';

const faultKinds = [
  'error',
  'code_1',
  'code_2',
  'timeout',
  'reset',
  'html_502',
  'html_200',
  'truncated',
  'empty',
  'no_id',
  'delay',
  'vanish',
  'late',
  'goes_public',
] as const;

export const faultSchema = z.strictObject({
  match: z
    .strictObject({
      method: z.string().toUpperCase().optional(),
      /** The path without version, exact or with `*`: `/123/feed`, `/123*`. */
      path: z.string().startsWith('/').optional(),
      /** `feed`, `photos`, `scheduled_posts` …; `node` for a call on an object itself. */
      edge: z.string().optional(),
      page_id: z.string().optional(),
      message_contains: z.string().optional(),
      token: z.string().optional(),
      /** A parameter that the call has: `is_published` tells a reveal from an edit. */
      has_param: z.string().optional(),
    })
    .default({}),
  kind: z.enum(faultKinds),
  when: z.enum(['before', 'after']).default('before'),
  times: z.number().int().min(1).optional(),
  probability: z.number().gt(0).max(1).optional(),
  seed: z.number().int().default(1),
  delay_ms: z.number().int().min(0).default(0),
  /** How long `timeout` holds the socket. */
  hold_ms: z.number().int().min(0).default(600_000),
  /** How much later a scheduled post goes live with `late`. */
  late_minutes: z.number().min(0).default(10),
  code: z.number().int().default(1),
  subcode: z.number().int().optional(),
  http_status: z.number().int().min(200).max(599).default(400),
  message: z.string().optional(),
  type: z.string().default('OAuthException'),
  is_transient: z.boolean().optional(),
  /** Added to the answer, whatever it is: usage headers, for example. */
  headers: z.record(z.string(), z.string()).default({}),
});

export type FaultSpec = z.infer<typeof faultSchema>;

export interface Fault {
  readonly id: number;
  readonly spec: FaultSpec;
  readonly path: RegExp | null;
  left: number;
  used: number;
  random: number;
}

export interface Matchable {
  readonly method: string;
  readonly path: string;
  readonly edge: string;
  readonly pageId: string | null;
  readonly message: string;
  readonly token: string | null;
  readonly params: ReadonlyMap<string, unknown>;
}

const outages: Readonly<Record<Exclude<Weather['outage'], 'none'>, FaultSpec>> = {
  code_1: faultSchema.parse({ kind: 'code_1' }),
  code_2: faultSchema.parse({ kind: 'code_2' }),
  code_2_503: faultSchema.parse({
    kind: 'error',
    code: 2,
    http_status: 503,
    message: '(#2) Service temporarily unavailable',
    is_transient: true,
  }),
  html: faultSchema.parse({ kind: 'html_502' }),
};

/** The faults switched on, tried in the order they were added; the first that matches is used. */
export class Faults {
  #faults: Fault[] = [];
  #nextId = 1;
  readonly #luck = { random: 1 };

  add(spec: FaultSpec): Fault {
    // Without a number or a probability, one call is hit.
    const unlimited = spec.times === undefined && spec.probability !== undefined;
    const left = unlimited ? Number.POSITIVE_INFINITY : (spec.times ?? 1);
    const path = spec.match.path === undefined ? null : globPattern(spec.match.path);
    const fault = { id: this.#nextId, spec, path, left, used: 0, random: spec.seed };
    this.#nextId += 1;
    this.#faults.push(fault);
    return fault;
  }

  /** What a call is answered while Meta is down, if the outage hits this one. */
  takeOutage({ outage, outage_share }: Weather): Fault | null {
    if (outage === 'none' || draw(this.#luck) >= outage_share) return null;
    return { id: 0, spec: outages[outage], path: null, left: 0, used: 0, random: 0 };
  }

  take(call: Matchable): Fault | null {
    if (this.#faults.length === 0) return null;
    for (const fault of this.#faults) {
      if (fault.left <= 0 || !matches(fault, call) || !drawn(fault)) continue;
      fault.left -= 1;
      fault.used += 1;
      return fault;
    }
    return null;
  }

  /** A fault after the effect stays on when the call had no effect. */
  giveBack(fault: Fault): void {
    fault.left += 1;
    fault.used -= 1;
  }

  clear(): void {
    this.#faults = [];
  }

  remove(id: number): boolean {
    const before = this.#faults.length;
    this.#faults = this.#faults.filter((fault) => fault.id !== id);
    return this.#faults.length < before;
  }

  list(): object[] {
    return this.#faults.map((fault) => ({
      id: fault.id,
      ...fault.spec,
      left: Number.isFinite(fault.left) ? fault.left : null,
      used: fault.used,
    }));
  }
}

function globPattern(glob: string): RegExp {
  const escaped = glob.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`);
}

function matches(fault: Fault, call: Matchable): boolean {
  const { method, edge, page_id, message_contains, token, has_param } = fault.spec.match;
  return (
    (method === undefined || method === call.method) &&
    (fault.path === null || fault.path.test(call.path)) &&
    (edge === undefined || edge === call.edge) &&
    (page_id === undefined || page_id === call.pageId) &&
    (message_contains === undefined || call.message.includes(message_contains)) &&
    (token === undefined || token === call.token) &&
    (has_param === undefined || call.params.has(has_param))
  );
}

function drawn(fault: Fault): boolean {
  return fault.spec.probability === undefined || draw(fault) < fault.spec.probability;
}

/** A number from 0 to below 1 (Mulberry32): the same seed hits the same calls. */
function draw(state: { random: number }): number {
  state.random = (state.random + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state.random ^ (state.random >>> 15), 1 | state.random);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
}
