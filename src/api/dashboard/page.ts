import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { NotFoundError } from '../../errors.ts';

/**
 * The page without what loads from elsewhere, and without the buttons whose routes are absent. The classes are Bull
 * Board's own, so its version is pinned; should one change, the button shows and is refused.
 */
export function fitPage(html: string): string {
  return html
    .replace(/<link[^>]+fonts\.googleapis\.com[^>]*>/g, '')
    .replace('</head>', `<style>${hidden}</style></head>`);
}

/** Bull Board's script sets styles on elements; everything else comes from here. */
export const pageHeaders = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/**
 * Of a failed job and of all of them only the first button, which retries, and no menu of the queue; of the overview
 * no tab of a state that our jobs never have.
 */
const hidden = `
[class*="jobActions-"] > li:not(:first-child), [class*="queueActions-"] > li:not(:first-child),
button[class*="trigger-"][aria-haspopup="menu"],
a[href$="?status=waiting-children"], a[href$="?status=prioritized"], a[href$="?status=delayed"], a[href$="?status=paused"]
{ display: none !important; }`;

/** By the keys of Bull Board, whose own sentences would be wrong here. In English in every language. */
const ours: Readonly<Record<string, string>> = {
  'JOB.ACTIONS.CONFIRM.RETRY':
    'Send the post again? It is approved again and goes through all checks; what is live already is not sent a second time.',
  'QUEUE.ACTIONS.CONFIRM.RETRY_ALL':
    'Send the posts of all failed jobs again? Each goes through all checks; what is live already is not sent a second time.',
  'QUEUE.ACTIONS.CONFIRM.RETRY_FAILED_QUEUES':
    'Send the posts of {{jobs}} failed jobs again? Each goes through all checks; what is live already is not sent a second time.',
  'QUEUE.ACTIONS.TOAST.RETRY_DONE': 'Posts that may be sent again were approved again.',
  'QUEUE.ACTIONS.TOAST.RETRY_QUEUES_DONE': 'Posts that may be sent again were approved again.',
  'QUEUE.ACTIONS.TOAST.RETRY_SKIPPED':
    '{{count}} jobs stay here: their posts may not be retried. The story of each post says why.',
  'ERRORS.JOB_NOT_RETRIABLE': 'The post was not retried',
};

type Messages = { readonly [name: string]: string | Messages };
const messages: z.ZodType<Messages> = z.lazy(() =>
  z.record(z.string(), z.union([z.string(), messages])),
);
const languageOf = z.object({ language: z.string().regex(/^[a-z]{2}-[A-Z]{2}$/) });

/** Bull Board's own words with ours in them. */
export function mountWords(inner: FastifyInstance, staticPath: () => string): void {
  inner.get('/static/locales/:language/messages.json', async ({ params }) => {
    const language = languageOf.safeParse(params).data?.language ?? '';
    const path = join(staticPath(), 'locales', language, 'messages.json');
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) throw new NotFoundError('not_found', 'There is no such language.');
    return replaceWords(messages.parse(JSON.parse(text)), '');
  });
}

function replaceWords(tree: Messages, path: string): Messages {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => {
      const key = `${path}${name}`;
      return [
        name,
        typeof value === 'string' ? (ours[key] ?? value) : replaceWords(value, `${key}.`),
      ];
    }),
  );
}

/** Ids, numbers and flags are shown; every other text of a job's payload is not. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return isId(value) ? value : '[redacted]';
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redact(inner)]));
}

function isId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-\d{1,9})?$/i.test(text);
}
