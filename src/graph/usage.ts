import { z } from 'zod';

/** How full Meta says that the buckets of a call are, and how long a full one stays shut. */
export interface Usage {
  /** The fullest of all numbers, in percent; goes above 100. */
  readonly percent: number;
  /** The longest wait that Meta named; null when it named none. */
  readonly regainMs: number | null;
}

export type Headers = Readonly<Record<string, unknown>>;

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
const businessUsage = z.record(z.string(), z.array(counters).catch([]));
const adAccountUsage = z.looseObject({ acc_id_util_pct: number, reset_time_duration: number });

const headerNames = [
  'x-app-usage',
  'x-page-usage',
  'x-business-use-case-usage',
  'x-ad-account-usage',
  'retry-after',
] as const;

/**
 * What the usage headers of one answer say; null without any: Meta sends them only from a certain
 * fill on. Of a header with several objects only `objectId` counts, where it is among them.
 */
export function readUsage(headers: Headers, objectId?: string): Usage | null {
  if (!headerNames.some((name) => headers[name] !== undefined)) return null;
  const all = [
    ...readCounters(headers['x-app-usage']),
    ...readCounters(headers['x-page-usage']),
    ...readBusiness(headers['x-business-use-case-usage'], objectId),
    ...readAdAccount(headers['x-ad-account-usage']),
    ...readRetryAfter(headers['retry-after']),
  ];
  const regainMs = Math.max(0, ...all.map((usage) => usage.regainMs ?? 0));
  return {
    percent: Math.max(0, ...all.map((usage) => usage.percent)),
    regainMs: regainMs > 0 ? regainMs : null,
  };
}

function readCounters(header: unknown): Usage[] {
  const found = counters.safeParse(parseHeader(header)).data;
  return found === undefined ? [] : [fromCounters(found)];
}

function readBusiness(header: unknown, objectId: string | undefined): Usage[] {
  const found = businessUsage.safeParse(parseHeader(header)).data;
  if (found === undefined) return [];
  const own = objectId === undefined ? undefined : found[objectId];
  const lists = own === undefined ? Object.values(found) : [own];
  return lists.flat().map(fromCounters);
}

function fromCounters(from: z.infer<typeof counters>): Usage {
  const minutes = from.estimated_time_to_regain_access;
  return {
    percent: Math.max(from.call_count, from.total_time, from.total_cputime),
    regainMs: minutes > 0 ? minutes * minuteMs : null,
  };
}

function readAdAccount(header: unknown): Usage[] {
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
function readRetryAfter(header: unknown): Usage[] {
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
