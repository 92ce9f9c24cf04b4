import { z } from 'zod';

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
}

/** The faults switched on, tried in the order they were added; the first that matches is used. */
export class Faults {
  #faults: Fault[] = [];
  #nextId = 1;

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
  const { method, edge, page_id, message_contains, token } = fault.spec.match;
  return (
    (method === undefined || method === call.method) &&
    (fault.path === null || fault.path.test(call.path)) &&
    (edge === undefined || edge === call.edge) &&
    (page_id === undefined || page_id === call.pageId) &&
    (message_contains === undefined || call.message.includes(message_contains)) &&
    (token === undefined || token === call.token)
  );
}

// Mulberry32: the same seed hits the same calls.
function drawn(fault: Fault): boolean {
  if (fault.spec.probability === undefined) return true;
  fault.random = (fault.random + 0x6d2b79f5) | 0;
  let mixed = Math.imul(fault.random ^ (fault.random >>> 15), 1 | fault.random);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296 < fault.spec.probability;
}
