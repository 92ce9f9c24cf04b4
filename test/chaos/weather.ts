import { setTimeout as delay } from 'node:timers/promises';
import type { Meta } from '../support/meta.ts';
import type { StormPage } from './calendar.ts';
import type { Ground } from './ground.ts';

/** What a call to Meta costs in time, so that many are under way whenever something is killed. */
export const latencyMs = 150;

type Share = readonly [kind: object, probability: number];

/** One answer in twenty is lost after its effect. */
const lostAfter: readonly Share[] = [
  [{ kind: 'reset' }, 0.015],
  [{ kind: 'code_2' }, 0.015],
  [{ kind: 'truncated' }, 0.01],
  [{ kind: 'timeout', hold_ms: 4_000 }, 0.01],
];
/** One call in twenty fails before it. */
const failsBefore: readonly Share[] = [
  [{ kind: 'reset' }, 0.015],
  [{ kind: 'code_2' }, 0.015],
  [{ kind: 'html_502' }, 0.01],
  [{ kind: 'timeout', hold_ms: 4_000 }, 0.01],
];

export async function setFaults(
  meta: Meta,
  pages: readonly StormPage[],
  seed: number,
): Promise<void> {
  // Meta and proxies quote the token that they did not like.
  for (const page of pages.slice(0, 20)) {
    const message = `Something about ${page.token}, sorry`;
    await meta.control('POST', 'faults', {
      match: { page_id: page.id, method: 'POST', edge: 'feed' },
      kind: 'error',
      code: 2,
      http_status: 500,
      message,
    });
  }
  const shares = [
    ...lostAfter.map((share) => [...share, 'after'] as const),
    ...failsBefore.map((share) => [...share, 'before'] as const),
  ];
  for (const [index, [fault, probability, when]] of shares.entries()) {
    await meta.control('POST', 'faults', {
      match: { method: 'POST' },
      ...fault,
      when,
      probability,
      seed: seed * 100 + index,
    });
  }
}

/** What happens to the servers, at which share of the posts published. */
export interface Event {
  readonly at: number;
  readonly name: string;
  happen(): Promise<void>;
}

export function eventsOf(ground: Ground, isRedis: boolean): readonly Event[] {
  const postgres: readonly Event[] = [
    {
      at: 0.25,
      name: 'PostgreSQL restarted (immediate)',
      happen: () => ground.restartPostgres('SIGQUIT'),
    },
    {
      at: 0.65,
      name: 'PostgreSQL restarted (fast)',
      happen: () => ground.restartPostgres('SIGINT'),
    },
  ];
  const redis: readonly Event[] = [
    { at: 0.12, name: 'Redis flushed', happen: () => ground.flushRedis() },
    { at: 0.45, name: 'Redis restarted empty', happen: () => ground.restartRedis() },
    { at: 0.8, name: 'Redis flushed', happen: () => ground.flushRedis() },
  ];
  return [...postgres, ...(isRedis ? redis : [])].toSorted((a, b) => a.at - b.at);
}

/** The same kills for the same seed, as far as a storm can be repeated. */
export function createDice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

interface Killable {
  readonly size: number;
  readonly living: number;
  kill(number: number): Promise<boolean>;
}

/**
 * Kills one of them every second or two until told to stop, as long as no more than two are away already: on a busy
 * machine a process takes longer to start than to be killed, and nothing would be left to disturb.
 */
export function startKilling(herd: Killable, dice: () => number): () => Promise<void> {
  const stopped = new AbortController();
  const killing = (async () => {
    while (!stopped.signal.aborted) {
      await delay(1_000 + dice() * 1_000);
      if (stopped.signal.aborted || herd.living < herd.size - 2) continue;
      await herd.kill(Math.floor(dice() * herd.size));
    }
  })();
  return async () => {
    stopped.abort();
    await killing;
  };
}
