import { z } from 'zod';

/** How full Meta says that the buckets of a call are, and how long a full one stays shut. */
export interface Usage {
  /** Of what is called: the fullest of its numbers, in percent; goes above 100. Null: nothing was said of it. */
  readonly percent: number | null;
  /** The longest wait that Meta named; null when it named none. */
  readonly regainMs: number | null;
  /** Of the app as a whole; null: nothing was said of it. */
  readonly appPercent: number | null;
}

export type Headers = Readonly<Record<string, unknown>>;

interface Bucket {
  readonly percent: number;
  readonly regainMs: number | null;
}

const minuteMs = 60_000;
const secondMs = 1000;

const number = z.coerce.number().nonnegative().catch(0);
const counters = z.looseObject({
  call_count: number,
  total_time: number,
  total_cputime: number,
  // Minutes, in the business-use-case header only.
  estimated_time_to_regain_access: number,
});
const businessCounters = counters.extend({ type: z.string().catch('') });
const businessUsage = z.record(z.string(), z.array(businessCounters).catch([]));
const adAccountUsage = z.looseObject({ acc_id_util_pct: number, reset_time_duration: number });

/** Of the several buckets of one object, those that posts are counted in. */
const publishingTypes: ReadonlySet<string> = new Set(['pages', 'instagram']);

/**
 * What the usage headers of one answer say; null without any: Meta sends them only from a certain fill on, so that
 * their absence is not zero. Of a header with several objects only `objectId` counts: the others are somebody else's.
 */
export function readUsage(headers: Headers, objectId?: string): Usage | null {
  const app = readCounters(headers['x-app-usage']);
  const own = [
    ...readCounters(headers['x-page-usage']),
    ...readBusiness(headers['x-business-use-case-usage'], objectId),
    ...readAdAccount(headers['x-ad-account-usage']),
    ...readRetryAfter(headers['retry-after']),
  ];
  if (app.length + own.length === 0) return null;
  const regainMs = Math.max(0, ...own.map((bucket) => bucket.regainMs ?? 0));
  return {
    percent: fullest(own),
    regainMs: regainMs > 0 ? regainMs : null,
    appPercent: fullest(app),
  };
}

function fullest(buckets: readonly Bucket[]): number | null {
  return buckets.length === 0 ? null : Math.max(...buckets.map((bucket) => bucket.percent));
}

function readCounters(header: unknown): Bucket[] {
  const found = counters.safeParse(parseHeader(header)).data;
  return found === undefined ? [] : [fromCounters(found)];
}

function readBusiness(header: unknown, objectId: string | undefined): Bucket[] {
  const found = businessUsage.safeParse(parseHeader(header)).data;
  if (found === undefined) return [];
  const lists = Object.values(found);
  // The key may be the id of the business: one alone can only be about what was called.
  const ours = objectId === undefined || lists.length === 1 ? lists : [found[objectId] ?? []];
  return ours.flatMap(publishingOf).map(fromCounters);
}

/** A full bucket of messages does not keep posts back; where no type is known to be ours, all may be. */
function publishingOf(list: readonly z.infer<typeof businessCounters>[]) {
  const ours = list.filter(({ type }) => publishingTypes.has(type));
  return ours.length === 0 ? list : ours;
}

function fromCounters(from: z.infer<typeof counters>): Bucket {
  const minutes = from.estimated_time_to_regain_access;
  return {
    percent: Math.max(from.call_count, from.total_time, from.total_cputime),
    regainMs: minutes > 0 ? minutes * minuteMs : null,
  };
}

function readAdAccount(header: unknown): Bucket[] {
  const found = adAccountUsage.safeParse(parseHeader(header)).data;
  if (found === undefined) return [];
  // The duration runs all the time; it is a wait only once the bucket is full.
  const full = found.acc_id_util_pct >= 100;
  return [
    {
      percent: found.acc_id_util_pct,
      regainMs: full ? found.reset_time_duration * secondMs : null,
    },
  ];
}

/** Meta documents none, but what stands in front of it may send one. */
function readRetryAfter(header: unknown): Bucket[] {
  const seconds = typeof header === 'string' ? Number(header) : Number.NaN;
  return seconds > 0 ? [{ percent: 100, regainMs: seconds * secondMs }] : [];
}

function parseHeader(header: unknown): unknown {
  if (typeof header !== 'string') return undefined;
  try {
    return JSON.parse(header);
  } catch {
    return undefined;
  }
}
