import { userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { httpUrl } from '../../config/variables.ts';
import { graphHostOf, placeOf } from '../../fence/fleet-store.ts';
import { savePublicUrl } from '../../fence/store.ts';
import { plural, shortTime } from '../../story/views.ts';
import { listSuspectAccounts } from '../../unfencing/suspects-store.ts';
import { type Unfencing, unfencingSchema } from '../../unfencing/view.ts';
import type { ApiClient } from '../api.ts';
import type { Launch, Run } from '../command.ts';
import { CommandError } from '../failure.ts';
import { renderTable } from '../terminal.ts';

const fenceView = z.looseObject({
  fenced: z.boolean(),
  fenced_at: z.string().nullable(),
  reason: z.string().nullable(),
  closed_by: z
    .looseObject({
      host: z.string(),
      pid: z.number(),
      role: z.string(),
      graph_base_url: z.string(),
      public_url: z.string().nullable(),
    })
    .nullable(),
  known_place: z.looseObject({
    public_url: z.string().nullable(),
    graph_host: z.string().nullable(),
  }),
  unfencing: unfencingSchema.nullable(),
});
type FenceView = z.output<typeof fenceView>;

const unfenceOptions = z.object({ since: z.string(), yes: z.boolean().default(false) });
const fenceOptions = z.object({ reason: z.string().optional() });

export function unfenceCommand(program: Command, launch: Launch): void {
  program
    .command('fence')
    .option('--reason <text>', 'shown to everybody who asks why nothing goes out')
    .description('hold back everything that would be sent; posts can still be created')
    .action((options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const body = fenceOptions.parse(options);
        const api = await session.api();
        const view = await api.call({ method: 'POST', path: '/v1/fence', body }, fenceView);
        answer(view, () => describe(view));
      }),
    );

  program
    .command('unfence')
    .requiredOption('--since <time>', 'when the backup was taken, with its offset; earlier is safe')
    .option('--yes', 'do it; without this, says what would be done')
    .description('look for everything that may have been sent since, bind it, then send again')
    .action((options: unknown, command: Command) =>
      launch(command, (run) => unfence(run, unfenceOptions.parse(options))),
    );
}

async function unfence(run: Run, given: z.output<typeof unfenceOptions>): Promise<void> {
  const since = z.iso.datetime({ offset: true }).safeParse(given.since);
  if (!since.success) {
    const example = '2026-11-20T04:00:00+01:00';
    throw new CommandError(
      'invalid',
      `--since must be a time with its offset, such as ${example}.`,
    );
  }
  const api = await run.session.api();
  const before = await readFence(api);
  if (!before.fenced) return run.answer(before, () => describe(before));
  if (!given.yes) return tellPlan(run, before, new Date(since.data));
  const body = { since: since.data, requested_by: nameOfUser() };
  await api.call({ method: 'POST', path: '/v1/unfence', body }, fenceView);
  const after = await follow(run, api);
  if (after.fenced) run.fail();
  run.answer(after, () => report(run, after));
}

function readFence(api: ApiClient): Promise<FenceView> {
  return api.call({ method: 'GET', path: '/v1/fence' }, fenceView);
}

async function tellPlan(run: Run, fence: FenceView, since: Date): Promise<void> {
  const accounts = await listSuspectAccounts(await run.session.database(), since);
  const posts = accounts.reduce((sum, account) => sum + account.posts, 0);
  run.fail();
  run.answer({ ...fence, would_look: { accounts: accounts.length, posts } }, () =>
    [
      describe(fence),
      ...tellPlace(run, fence),
      `Up to ${plural(posts, 'post')} of ${plural(accounts.length, 'account')} may have been sent since ${shortTime(since.toISOString())}. Each account is read once`,
      '(3 calls, and one more for every 100 posts that it shows); what is there is bound, the rest may be sent afterwards.',
      'Is the old system stopped? It must be: nothing holds it back. Then run this again with --yes.',
      '',
    ].join('\n'),
  );
}

/** Where the place was another one: by whose configuration the fleet is known afterwards. */
function tellPlace(
  { session }: Run,
  { closed_by: closer, known_place: known }: FenceView,
): string[] {
  if (closer === null) return [];
  const { graphHost } = placeOf(session.config);
  const closerHost = graphHostOf(closer.graph_base_url);
  if (known.graph_host === null || known.graph_host === closerHost) return [];
  return [
    `Until then the fleet talked to ${known.graph_host}. With the GRAPH_BASE_URL of this command it is known to talk to ${graphHost} afterwards.`,
    graphHost === closerHost
      ? ''
      : `Stop that process first (pid ${closer.pid} on ${closer.host}), or it fences again.`,
  ];
}

/** This process does the work: it stays until the end, and shows where it is. */
async function follow({ io, isJson }: Run, api: ApiClient): Promise<FenceView> {
  let last = '';
  for (;;) {
    const view = await readFence(api);
    const { unfencing } = view;
    if (unfencing?.state !== 'running') return view;
    const line = progressLine(unfencing);
    if (!isJson && line !== last) io.stderr.write(`${line}\n`);
    last = line;
    await delay(500);
  }
}

function progressLine(unfencing: Unfencing): string {
  const { accounts, accounts_done: done, posts, bound, note } = unfencing;
  const where = `${done} of ${plural(accounts, 'account')}: ${bound} of ${plural(posts, 'post')} found`;
  return note === null ? where : `${where}; ${note}`;
}

function describe({ fenced, fenced_at: at, reason, closed_by: closer }: FenceView): string {
  if (!fenced) return 'Nothing is fenced: posts go out at their times.\n';
  const by =
    closer === null
      ? ''
      : `  closed by pid ${closer.pid} on ${closer.host} (${closer.role}), with GRAPH_BASE_URL ${closer.graph_base_url}, ${closer.public_url === null ? 'no PUBLIC_URL' : `PUBLIC_URL ${closer.public_url}`}\n`;
  return `FENCED since ${shortTime(at)}: nothing is sent.\n  ${reason ?? ''}\n${by}`;
}

function report({ io, style }: Run, view: FenceView): string {
  const { unfencing } = view;
  if (unfencing === null) return describe(view);
  const { posts, bound, absent, ambiguous, unseen, note } = unfencing;
  const rows = unfencing.results.filter((result) => result.posts > 0);
  const table =
    rows.length === 0
      ? ''
      : renderTable(
          [
            { title: 'ACCOUNT', text: (row) => row.account },
            { title: 'NAME', text: (row) => row.name ?? '', flexible: true },
            { title: 'POSTS', text: (row) => String(row.posts) },
            { title: 'FOUND', text: (row) => String(row.bound) },
            { title: 'NOT THERE', text: (row) => String(row.absent) },
            { title: 'ASK', text: (row) => String(row.ambiguous) },
            { title: 'UNREAD', text: (row) => String(row.unseen) },
            { title: 'OTHERS', text: (row) => String(row.unclaimed) },
            { title: 'NOTE', text: (row) => row.note ?? '', flexible: true },
          ],
          rows,
          io.stdout,
          style,
        );
  const sum = `${plural(posts, 'post')}: ${bound} found and bound, ${absent} not there (they go out now, or count as missed), ${ambiguous} for a person to decide, ${unseen} of accounts that could not be read (looked for later, not sent before).`;
  const end = view.fenced
    ? `STILL FENCED: ${note ?? 'it did not end'}. Run it again: what was bound stays bound.`
    : 'Unfenced: posts go out again.';
  return `${table}${sum}\n${end}\n`;
}

export function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return 'cli';
  }
}

const moveOptions = z.object({ publicUrl: z.string() });

export function moveCommand(program: Command, launch: Launch): void {
  program
    .command('move')
    .requiredOption('--public-url <url>', 'the new PUBLIC_URL, as the processes will have it')
    .description('let the fleet get a new PUBLIC_URL without being fenced, while it runs')
    .action((options: unknown, command: Command) =>
      launch(command, (run) => move(run, moveOptions.parse(options).publicUrl)),
    );
}

async function move({ session, answer }: Run, given: string): Promise<void> {
  const url = httpUrl().safeParse(given);
  if (!url.success) {
    throw new CommandError(
      'invalid',
      '--public-url must be an address such as https://publisher.example.',
    );
  }
  if (!(await savePublicUrl(await session.database(), url.data))) {
    throw new CommandError(
      'fenced',
      'It is fenced: `unfence` decides which place is the right one.',
    );
  }
  answer({ public_url: url.data }, () =>
    [
      `This installation is at ${url.data} from now on.`,
      'Set PUBLIC_URL for every process and restart them, one after the other if you like: those that run go on.',
      '',
    ].join('\n'),
  );
}
