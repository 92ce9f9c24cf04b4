import { z } from 'zod';
import { errorRecordSchema, InvalidRequestError } from '../../errors.ts';
import { maskDeep } from '../../mask.ts';
import { choose, forecast } from '../../replays/dry-run.ts';
import {
  createReplay,
  findReplay,
  itemStates,
  listItems,
  listReplays,
  mostPosts,
  type ReplayPlan,
  type ReplayRow,
  replayableStatuses,
  replayStates,
  stopReplay,
} from '../../replays/store.ts';
import type { Services } from '../../services.ts';
import { forOperator, operatorName } from '../auth.ts';
import { ApiError } from '../errors.ts';
import { fieldProblemSchema, id, idParams, text, time } from '../fields.ts';
import { pageOf, pageSchema, pageShape } from '../paging.ts';
import { defineRoute } from '../route.ts';

const tag = 'Replays';
const instant = z.iso.datetime({ offset: true });
const errorClass = errorRecordSchema.shape.class;

/** One, or several. */
function oneOrMore<Values extends z.ZodType>(value: Values) {
  return z.union([value, z.array(value).min(1)]);
}

const filter = z
  .strictObject({
    tenant_id: id.optional(),
    class: oneOrMore(errorClass).optional().meta({ description: 'Of the error; one or several.' }),
    status: oneOrMore(z.enum(replayableStatuses))
      .default([...replayableStatuses])
      .meta({ description: 'One or several; all three without it.' }),
    from: instant
      .optional()
      .meta({ description: 'Due at or after; without a due time, approved.' }),
    to: instant.optional().meta({ description: 'Due before that.' }),
  })
  .meta({ id: 'ReplayFilter' });

const newReplay = z
  .strictObject({
    filter,
    dry_run: z
      .boolean()
      .default(false)
      .meta({ description: 'Says what would happen; nothing does.' }),
    spread_s: z
      .int()
      .min(0)
      .max(7 * 86_400)
      .default(0)
      .meta({ description: 'The posts are retried evenly over so many seconds.' }),
    scheduled_at: instant
      .optional()
      .meta({ description: 'A new due time, of the first post when they are spread.' }),
    requested_by: text(100).optional().meta({ description: 'Your name, for the record.' }),
  })
  .meta({
    id: 'NewReplay',
    examples: [{ filter: { status: 'failed', class: 'internal' }, dry_run: true, spread_s: 600 }],
  });

const call = z.strictObject({
  method: z.string(),
  path: z.string(),
  effect: z.string(),
  body: z.record(z.string(), z.unknown()),
});
const forecastSchema = z.strictObject({
  post_id: z.guid(),
  tenant_id: z.guid(),
  integration_id: z.guid(),
  version: z.int(),
  status: z.enum(replayableStatuses),
  error_class: z.string().nullable(),
  verdict: z.enum(['send', 'reconcile', 'live', 'refused']).meta({
    description:
      '`send`; `reconcile`: looked for first, never forced; `live`: it is there, a look binds it; `refused`: by the rules, or its state.',
  }),
  problems: z.array(fieldProblemSchema),
  reason: z.string().nullable(),
  run_at: time,
  due_at: time.nullable(),
  mode: z.string(),
  calls: z.int().meta({ description: 'Calls with the token that it costs.' }),
  requests: z.array(call).meta({ description: 'What would be sent, secrets masked.' }),
  seen: z.strictObject({
    kind: z.enum(['not_needed', 'bound', 'ambiguous', 'absent', 'not_looked']),
    text: z.string(),
    links: z.array(z.strictObject({ external_id: z.string(), url: z.string().nullable() })),
  }),
});
const dryRunSchema = z
  .strictObject({
    dry_run: z.literal(true),
    posts: z.int(),
    calls: z.int(),
    verdicts: z.record(z.string(), z.int()),
    items: z.array(forecastSchema),
  })
  .meta({ id: 'ReplayForecast', description: 'What a replay would do.' });

const itemSchema = z.strictObject({
  post_id: z.guid(),
  version: z.int(),
  state: z.enum(itemStates),
  run_at: time,
  due_at: z.string().nullable(),
  status: z.string().nullable().meta({ description: 'Of the post, after it was acted on.' }),
  reason: z.string().nullable().meta({ description: 'Why it was skipped.' }),
});
const replayShape = {
  id: z.guid(),
  filter: z.record(z.string(), z.unknown()),
  spread_s: z.int(),
  scheduled_at: time.nullable(),
  state: z.enum(replayStates),
  created_by: z.string(),
  created_at: time,
  ended_at: time.nullable(),
  counts: z.strictObject({
    pending: z.int(),
    done: z.int(),
    skipped: z.int(),
    stopped: z.int(),
  }),
} as const;
const replaySchema = z.strictObject(replayShape).meta({ id: 'Replay' });
const replayWithItems = z
  .strictObject({ ...replayShape, items: z.array(itemSchema) })
  .meta({ id: 'ReplayWithItems' });

export const replayRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/replays',
    operationId: 'createReplay',
    summary: 'Retry many posts, or say what that would do',
    description:
      'Failed, missed and unknown posts that the filter chooses are retried as `POST /v1/posts/{id}/retry` does, paced over `spread_s`. Unknown ones are looked for first and never forced. Try it with `dry_run` before.',
    tag,
    auth: forOperator,
    input: { body: newReplay },
    responses: {
      200: { description: 'With `dry_run`: what would happen.', body: dryRunSchema },
      201: { description: 'Under way.', body: replayWithItems },
    },
    problems: ['invalid'],
    async handler({ body, headers, idempotentId, log }, services) {
      const plan = planOf(body);
      const posts = await choose(services, plan);
      if (body.dry_run) {
        const items = await forecast(services, plan, posts);
        const verdicts = Object.fromEntries(
          [...Map.groupBy(items, ({ verdict }) => verdict)].map(([name, of]) => [name, of.length]),
        );
        const calls = items.reduce((sum, item) => sum + item.calls, 0);
        const answer = { dry_run: true, posts: items.length, calls, verdicts, items };
        return { status: 200, body: maskDeep(answer) };
      }
      const createdBy = operatorName(headers, body.requested_by);
      const replayId = idempotentId();
      await createReplay(services.db, { id: replayId, createdBy, plan, asked: body.filter, posts });
      log.warn({ replayId, createdBy, filter: body.filter, posts: posts.length }, 'replay begun');
      return {
        status: 201,
        body: await readReplay(services, replayId),
        headers: { location: `/v1/replays/${replayId}` },
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/replays',
    operationId: 'listReplays',
    summary: 'List replays, newest first',
    tag,
    auth: forOperator,
    input: { query: z.strictObject(pageShape) },
    responses: { 200: { description: 'A page of replays.', body: pageSchema(replaySchema) } },
    async handler({ query: { limit, cursor } }, { db }) {
      const rows = await listReplays(db, { before: cursor ?? null, limit: limit + 1 });
      return { status: 200, body: pageOf(rows, limit, toJson) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/replays/{id}',
    operationId: 'getReplay',
    summary: 'How far is a replay?',
    tag,
    auth: forOperator,
    input: { params: idParams },
    responses: { 200: { description: 'The replay with its posts.', body: replayWithItems } },
    problems: ['not_found'],
    handler: async ({ params }, services) => ({
      status: 200,
      body: await readReplay(services, params.id),
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/v1/replays/{id}/stop',
    operationId: 'stopReplay',
    summary: 'Stop a replay',
    description:
      'Posts that were not acted on stay as they are. Those that were go their way: cancel them one by one, or pause their tenant.',
    tag,
    auth: forOperator,
    input: { params: idParams },
    responses: { 200: { description: 'The replay as it ended.', body: replayWithItems } },
    problems: ['not_found'],
    async handler({ params, headers, log }, services) {
      await stopReplay(services.db, params.id);
      log.warn({ replayId: params.id, by: operatorName(headers, undefined) }, 'replay stopped');
      return { status: 200, body: await readReplay(services, params.id) };
    },
  }),
];

function planOf(body: z.output<typeof newReplay>): ReplayPlan {
  const { tenant_id: tenantId, class: classes, status, from, to } = body.filter;
  const plan = {
    filter: {
      tenantId: tenantId ?? null,
      classes: classes === undefined ? null : listOf(classes),
      statuses: listOf(status),
      from: instantOf(from),
      to: instantOf(to),
    },
    spreadS: body.spread_s,
    scheduledAt: instantOf(body.scheduled_at),
  };
  if (plan.filter.from !== null && plan.filter.to !== null && plan.filter.from >= plan.filter.to) {
    const problem = { path: 'filter.to', message: 'is not after `from`', rule: 'from_before_to' };
    throw new InvalidRequestError(422, 'invalid', 'filter.to: is not after `from`.', [problem]);
  }
  return plan;
}

function listOf<Value extends string>(value: Value | readonly Value[]): readonly Value[] {
  return typeof value === 'string' ? [value] : value;
}

async function readReplay({ db }: Services, replayId: string): Promise<object> {
  const replay = await findReplay(db, replayId);
  if (replay === null) throw new ApiError('not_found', 'There is no such replay.');
  const items = await listItems(db, replayId, mostPosts);
  return {
    ...toJson(replay),
    items: items.map(({ postId, version, state, runAt, result }) => ({
      post_id: postId,
      version,
      state,
      run_at: runAt.toISOString(),
      due_at: result.due_at ?? null,
      status: result.status ?? null,
      reason: result.reason ?? null,
    })),
  };
}

function toJson({ pending, done, skipped, stopped, ...replay }: ReplayRow) {
  return {
    id: replay.id,
    filter: replay.filter,
    spread_s: replay.spreadS,
    scheduled_at: replay.scheduledAt?.toISOString() ?? null,
    state: replay.state,
    created_by: replay.createdBy,
    created_at: replay.createdAt.toISOString(),
    ended_at: replay.endedAt?.toISOString() ?? null,
    counts: { pending, done, skipped, stopped },
  };
}

function instantOf(given: string | undefined): Date | null {
  return given === undefined ? null : new Date(given);
}
