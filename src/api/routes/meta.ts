import { z } from 'zod';
import { deauthorize, deleteData } from '../../connecting/withdrawal.ts';
import { type DeletionStatus, findDeletion } from '../../connecting/withdrawal-store.ts';
import { NotFoundError } from '../../errors.ts';
import { forEveryone } from '../auth.ts';
import { time } from '../fields.ts';
import { forgetAnswersAbout } from '../idempotency-store.ts';
import { escapeHtml, htmlHeaders, htmlPage } from '../pages/html.ts';
import { defineRoute } from '../route.ts';

const tag = "Meta's callbacks";

/** Meta may add fields; what counts is what it signed. */
const signed = z.object({
  signed_request: z.string().meta({
    description: 'Signed by Meta with the secret of the app that the person used.',
  }),
});

/** `writes: false`, as strangers may send it: nobody's idempotency keys are touched, and a repetition does no harm. */
const byMeta = {
  method: 'POST',
  tag,
  auth: forEveryone,
  takesForm: true,
  bodyLimitBytes: 16 * 1024,
  writes: false,
  isSigned: true,
  input: { body: signed },
  problems: ['signature_invalid', 'rate_limited'],
} as const;

const statusSchema = z.strictObject({
  confirmation_code: z.string(),
  status: z.enum(['done', 'pending']),
  requested_at: time,
  deleted_at: time.nullable(),
});

export const metaRoutes = [
  defineRoute({
    ...byMeta,
    path: '/v1/meta/deauthorize',
    operationId: 'metaDeauthorize',
    summary: 'A person removed the app',
    description:
      'The address for "Deauthorize callback URL" in the Meta App Dashboard. Every connection that rests on the consent of that person needs to be made again, its token is erased, and its posts wait.',
    responses: { 200: { description: 'Done.', body: z.strictObject({ success: z.boolean() }) } },
    async handler({ body, log }, services) {
      const withdrawn = await deauthorize(services, body.signed_request);
      log.warn({ integrations: withdrawn.length }, 'a person removed the app at Meta');
      return { status: 200, body: { success: true } };
    },
  }),
  defineRoute({
    ...byMeta,
    path: '/v1/meta/data-deletion',
    operationId: 'metaDataDeletion',
    summary: 'A person wants their data deleted',
    description:
      'The address for "Data deletion request URL" in the Meta App Dashboard. What rests on that person is deleted before this answers. Posts belong to the tenant and stay.',
    responses: {
      200: {
        description: 'Deleted; the person may ask under this address.',
        body: z.strictObject({ url: z.string(), confirmation_code: z.string() }),
      },
    },
    async handler({ body, publicUrl, log }, services) {
      const { code, withdrawn } = await deleteData(
        services,
        body.signed_request,
        forgetAnswersAbout,
      );
      log.warn({ integrations: withdrawn.length }, 'the data of a person was deleted');
      const url = `${publicUrl}/v1/meta/data-deletion/${code}`;
      return { status: 200, body: { url, confirmation_code: code } };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/meta/data-deletion/{code}',
    operationId: 'metaDataDeletionStatus',
    summary: 'What became of a deletion',
    tag,
    auth: forEveryone,
    input: { params: z.strictObject({ code: z.string().max(64) }) },
    responses: { 200: { description: 'The deletion.', body: statusSchema, page: true } },
    problems: ['not_found'],
    async handler({ params: { code }, headers }, { db }) {
      const found = await findDeletion(db, code);
      if (found === null) {
        throw new NotFoundError('not_found', 'No deletion has this confirmation code.');
      }
      const vary = { vary: 'accept' };
      if (headers.accept?.includes('text/html') !== true) {
        return { status: 200, body: toJson(code, found), headers: vary };
      }
      const page = statusPage(code, found);
      return { status: 200, body: page, headers: { ...htmlHeaders, ...vary } };
    },
  }),
];

function toJson(
  code: string,
  { requestedAt, doneAt }: DeletionStatus,
): z.input<typeof statusSchema> {
  return {
    confirmation_code: code,
    status: doneAt === null ? 'pending' : 'done',
    requested_at: requestedAt.toISOString(),
    deleted_at: doneAt?.toISOString() ?? null,
  };
}

function statusPage(code: string, { requestedAt, doneAt }: DeletionStatus): string {
  const state =
    doneAt === null ? 'Your data is being deleted.' : 'Your data was deleted from this service.';
  return htmlPage(
    'Deletion of your data',
    `<main><h1>Deletion of your data</h1>
<p class="standing">${state}</p>
<dl><dt>Confirmation code</dt><dd><code>${escapeHtml(code)}</code></dd>
<dt>Asked for</dt><dd>${timeOf(requestedAt)}</dd>
${doneAt === null ? '' : `<dt>Deleted</dt><dd>${timeOf(doneAt)}</dd>`}</dl>
<h2>What was deleted</h2>
<p>The access to your account at Facebook or Instagram, the id that Meta gave this service for you, your user name, and what else rested on them.</p>
<p>Posts that an organization wrote with this service belong to that organization. They stay with it, and on the network where they were published.</p></main>`,
  );
}

function timeOf(moment: Date): string {
  const text = moment
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
  return `<time datetime="${moment.toISOString()}">${text}</time>`;
}
