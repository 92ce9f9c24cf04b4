import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { plural, shortTime } from '../../story/views.ts';
import type { ApiClient } from '../api.ts';
import { dueTimeOf, wholeNumber, withDueTime } from '../arguments.ts';
import type { Launch, Run } from '../command.ts';
import { findTenant } from '../find.ts';
import { oneLine, renderTable } from '../terminal.ts';
import { nameOfUser } from './unfence.ts';

const counts = z.object({
  pending: z.number(),
  done: z.number(),
  skipped: z.number(),
  stopped: z.number(),
});
const replayView = z.looseObject({
  id: z.string(),
  state: z.string(),
  filter: z.record(z.string(), z.unknown()),
  spread_s: z.number(),
  created_by: z.string(),
  created_at: z.string(),
  counts,
});
type ReplayView = z.output<typeof replayView>;
const itemView = z.looseObject({
  post_id: z.string(),
  state: z.string(),
  run_at: z.string(),
  status: z.string().nullable(),
  reason: z.string().nullable(),
});
const wholeView = replayView.extend({ items: z.array(itemView) });
type WholeView = z.output<typeof wholeView>;
const forecastView = z.looseObject({
  post_id: z.string(),
  status: z.string(),
  version: z.number(),
  error_class: z.string().nullable(),
  verdict: z.string(),
  reason: z.string().nullable(),
  calls: z.number(),
  mode: z.string(),
  due_at: z.string().nullable(),
  requests: z.array(z.looseObject({ method: z.string(), path: z.string(), body: z.unknown() })),
  seen: z.looseObject({
    text: z.string(),
    links: z.array(z.looseObject({ external_id: z.string(), url: z.string().nullable() })),
  }),
});
type ForecastView = z.output<typeof forecastView>;
const dryRunView = z.looseObject({
  posts: z.number(),
  calls: z.number(),
  verdicts: z.record(z.string(), z.number()),
  items: z.array(forecastView),
});

const options = z.object({
  tenant: z.string().optional(),
  class: z.string().optional(),
  status: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  spread: z.number().optional(),
  dryRun: z.boolean().default(false),
  requests: z.boolean().default(false),
  follow: z.boolean().default(false),
});
type Options = z.output<typeof options>;

export function replayCommand(program: Command, launch: Launch): void {
  const replay = withDueTime(program.command('replay'), 'a new due time, with its offset')
    .description('retry many failed, missed or unknown posts at once; start with --dry-run')
    .option('--tenant <tenant>', 'id, reference or name; all of them without it')
    .option('--class <list>', 'of the error, such as retry,internal')
    .option('--status <list>', 'failed, missed, unknown; all three without it')
    .option('--from <time>', 'due at or after, with its offset')
    .option('--to <time>', 'due before')
    .option('--spread <seconds>', 'retry them evenly over so long', wholeNumber)
    .option('--dry-run', 'say per post what would happen; nothing does')
    .option('--requests', 'with --dry-run: also every call that would be made')
    .option('--follow', 'stay until it has ended')
    .action((given: unknown, command: Command) =>
      launch(command, (run) => begin(run, options.parse(given), dueTimeOf(given))),
    );

  replay
    .command('list')
    .description('replays, newest first: who, when, what')
    .action((_options: unknown, command: Command) => launch(command, list));

  for (const [name, description] of [
    ['show', 'how far a replay is, post by post'],
    ['stop', 'stop a replay: posts not acted on stay as they are'],
  ] as const) {
    replay
      .command(name)
      .argument('<id>')
      .description(description)
      .action((id: string, _options: unknown, command: Command) =>
        launch(command, async (run) => {
          const api = await run.session.api();
          const found =
            name === 'show'
              ? await read(api, id)
              : await api.call({ method: 'POST', path: `/v1/replays/${id}/stop` }, wholeView);
          run.answer(found, () => tell(run, found));
        }),
      );
  }
}

async function begin(run: Run, given: Options, at: string | undefined): Promise<void> {
  const api = await run.session.api();
  const body = { ...(await bodyOf(api, given)), scheduled_at: at };
  const path = '/v1/replays';
  if (given.dryRun) {
    const forecast = await api.call({ method: 'POST', path, body }, dryRunView);
    run.answer(forecast, () => tellForecast(run, forecast, given.requests));
    return;
  }
  const created = await api.call({ method: 'POST', path, body }, wholeView);
  const last = given.follow ? await follow(run, api, created) : created;
  run.answer(last, () => tell(run, last));
}

async function bodyOf(api: ApiClient, given: Options): Promise<object> {
  const { tenant, status, from, to, spread } = given;
  return {
    filter: {
      tenant_id: tenant === undefined ? undefined : (await findTenant(api, tenant)).id,
      class: partsOf(given.class),
      status: partsOf(status),
      from,
      to,
    },
    dry_run: given.dryRun,
    spread_s: spread,
    requested_by: nameOfUser(),
  };
}

function partsOf(text: string | undefined): readonly string[] | undefined {
  return text?.split(',').map((part) => part.trim());
}

function read(api: ApiClient, id: string): Promise<WholeView> {
  return api.call({ method: 'GET', path: `/v1/replays/${id}` }, wholeView);
}

/** The scheduler of the fleet does the work: without one nothing moves. */
async function follow({ io, isJson }: Run, api: ApiClient, created: WholeView): Promise<WholeView> {
  let last = '';
  for (let now = created; ; now = await read(api, created.id)) {
    const line = `${now.state}: ${tellCounts(now)}`;
    if (!isJson && line !== last) io.stderr.write(`${line}\n`);
    last = line;
    if (now.state !== 'running') return now;
    await delay(500);
  }
}

async function list({ session, table }: Run): Promise<void> {
  const api = await session.api();
  const replays = await api.list({ method: 'GET', path: '/v1/replays' }, replayView);
  table(
    [
      { title: 'ID', text: ({ id }) => id },
      { title: 'WHEN', text: ({ created_at }) => shortTime(created_at) },
      { title: 'WHO', text: ({ created_by }) => created_by },
      { title: 'STATE', text: ({ state }) => state },
      { title: 'POSTS', text: tellCounts },
      { title: 'FILTER', text: ({ filter }) => JSON.stringify(filter), flexible: true },
    ],
    replays,
    'Nothing was ever replayed.',
  );
}

function tellCounts({ counts: { pending, done, skipped, stopped } }: ReplayView): string {
  const told = [
    [done, 'retried'],
    [pending, 'pending'],
    [skipped, 'skipped'],
    [stopped, 'stopped'],
  ] as const;
  const some = told.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  return some.length === 0 ? 'no posts' : some.join(', ');
}

function tell({ io, style }: Run, replay: WholeView): string {
  const { id, state, created_by: who, created_at: at, items } = replay;
  const head = `replay ${id}: ${state}; ${tellCounts(replay)}; by ${who}, ${shortTime(at)}\n`;
  if (items.length === 0) return head;
  const rows = renderTable(
    [
      { title: 'POST', text: (item) => item.post_id },
      { title: 'STATE', text: (item) => item.state },
      { title: 'AT', text: (item) => shortTime(item.run_at) },
      { title: 'BECAME', text: (item) => item.status ?? '' },
      { title: 'WHY', text: (item) => item.reason ?? '', flexible: true },
    ],
    items,
    io.stdout,
    style,
  );
  return `${head}${rows}`;
}

function tellForecast(
  { io, style }: Run,
  { posts, calls, verdicts, items }: z.output<typeof dryRunView>,
  withRequests: boolean,
): string {
  const sum = Object.entries(verdicts).map(([verdict, count]) => `${count} ${verdict}`);
  const head = `${plural(posts, 'post')} checked${sum.length === 0 ? '' : `: ${sum.join(', ')}`}; ${plural(calls, 'call')} needed. Dry run: nothing was sent.\n`;
  if (items.length === 0) return head;
  const rows = renderTable(
    [
      { title: 'POST', text: (item) => item.post_id },
      { title: 'V', text: (item) => String(item.version) },
      { title: 'IS', text: (item) => statusText(item) },
      { title: 'WOULD', text: (item) => item.verdict },
      { title: 'AS', text: (item) => item.mode },
      { title: 'DUE', text: (item) => (item.due_at === null ? 'now' : shortTime(item.due_at)) },
      { title: 'CALLS', text: (item) => String(item.calls) },
      { title: 'SEEN', text: seenText },
      { title: 'WHY', text: (item) => item.reason ?? '', flexible: true },
    ],
    items,
    io.stdout,
    style,
  );
  return `${head}${rows}${withRequests ? items.map(requestText).join('') : ''}`;
}

function statusText({ status, error_class: errorClass }: ForecastView): string {
  return errorClass === null ? status : `${status} (${errorClass})`;
}

function seenText({ seen }: ForecastView): string {
  return [seen.text, ...seen.links.map(({ url, external_id: id }) => url ?? id)].join(' ');
}

function requestText({ post_id: id, requests }: ForecastView): string {
  const lines = requests.map(
    ({ method, path, body }) => `  ${method} ${path} ${oneLine(JSON.stringify(body))}\n`,
  );
  return `\n${id}\n${lines.join('')}`;
}
