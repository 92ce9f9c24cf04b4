import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import { failure } from '../../graph/wire.ts';
import type { HandoverWindow } from '../provider.ts';

/** `<Page>_<post>`: what every call to `/feed` answers, whatever the mode. */
export const postIdSchema = z.string().regex(/^\d+_\d+$/);

/** `/<node>[/<edge>]`. Refuses ids that could lead anywhere else than to their node. */
export function nodePath(id: string, edge?: string): string {
  if (!/^\d{1,32}(?:_\d{1,32})?$/.test(id)) {
    throw new PublishError(
      failure({
        class: 'invalid',
        key: 'facebook_id_malformed',
        who: 'tenant_admin',
        message: 'The id is not one of Facebook: digits only, or two numbers joined by _',
        user_message: 'The id of the Page or post is not one that Facebook uses.',
        action: 'Connect the Page with its numeric id.',
      }),
    );
  }
  return edge === undefined ? `/${id}` : `/${id}/${edge}`;
}

/** Graph's times: `2026-11-20T04:05:47+0000`, without a colon in the zone, or unix seconds. */
export const graphTime = z
  .union([z.string(), z.number()])
  .nullish()
  .catch(null)
  .transform((value) => (value === null || value === undefined ? null : parseTime(value)));

/** Rounded up, so that no post goes out before its time. */
export function unixSeconds(at: Date): number {
  return Math.ceil(at.getTime() / 1000);
}

function parseTime(value: string | number): Date | null {
  const date = /^\d+$/.test(String(value))
    ? new Date(Number(value) * 1000)
    : parseText(String(value));
  return Number.isNaN(date.getTime()) ? null : date;
}

function parseText(text: string): Date {
  return new Date(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
}

/** No bound of Meta's is known; beyond this, servers and proxies begin to refuse. */
const longestUrl = 2048;

/** Why Facebook could not fetch the address, or null. What lies behind it nobody has looked at. */
export function problemOfUrl(text: string): string | null {
  const url = URL.parse(text);
  if (url === null) return 'is not a URL';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `has the scheme ${url.protocol.slice(0, -1)}; Facebook fetches http and https`;
  }
  if (url.username !== '' || url.password !== '') return 'holds a user name or password';
  if (text.length > longestUrl)
    return `has ${text.length} characters; at most ${longestUrl} are taken`;
  return null;
}

/** As Facebook counts: an emoji is one or more of them, never two halves. */
export function countCodePoints(text: string): number {
  const pairs = text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0;
  return text.length - pairs;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/**
 * When Facebook's scheduler takes a post. Meta's reference says 75 days, its guide 30, and clients
 * that ran into refusals hold to 29.
 */
export const handoverWindow: HandoverWindow = {
  minAheadMs: 10 * minuteMs,
  maxAheadMs: 75 * dayMs,
  certainAheadMs: 29 * dayMs,
};
