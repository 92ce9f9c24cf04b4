import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { NotFoundError } from '../../errors.ts';

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
