import type { Command } from 'commander';
import { z } from 'zod';
import { tellPost } from '../../story/outlook.ts';
import { type Moment, timed } from '../../story/story.ts';
import { factsOf, type PostView, postView, shortTime } from '../../story/views.ts';
import { type ApiClient, attemptView } from '../api.ts';
import { dueTimeOf, wholeNumber, withDueTime } from '../arguments.ts';
import type { Launch, Run, Session } from '../command.ts';
import { CommandError } from '../failure.ts';
import { findTenant, listTenants, noPostText, noTenantsText } from '../find.ts';
import { ownerOfPost } from '../store.ts';
import { type Column, oneLine, type Paint, type Style } from '../terminal.ts';

const listOptions = z.object({
  tenant: z.string().optional(),
  status: z.string().optional(),
  attention: z.boolean().default(false),
  reference: z.string().optional(),
  limit: z.number(),
});

export function postCommand(program: Command, launch: Launch): void {
  const post = program.command('post').description('posts of all tenants');

  post
    .command('list')
    .description('posts, newest first')
    .option('--tenant <tenant>', 'id, reference or name; all of them without it')
    .option('--status <list>', 'such as failed,missed,unknown')
    .option('--attention', 'only those that wait for a person')
    .option('--reference <text>', "the calendar's own id")
    .option('--limit <count>', 'at most so many per tenant', wholeNumber, 50)
    .action((options: unknown, command: Command) =>
      launch(command, async (run) => listPosts(run, listOptions.parse(options))),
    );

  post
    .command('show')
    .argument('<id>')
    .description('one post; `why` tells its whole story')
    .action((id: string, _options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const tenantId = await ownerOf(session, id);
        const api = await session.api();
        const found = await api.call(
          { method: 'GET', path: `/v1/posts/${id}`, tenantId },
          postView,
        );
        answer(found, () => describePost(found));
      }),
    );

  for (const [action, description] of [
    ['approve', 'release a post: it goes out at its time'],
    ['cancel', 'call a post off, as long as nothing was sent'],
  ] as const) {
    post
      .command(action)
      .argument('<id>')
      .description(description)
      .action((id: string, _options: unknown, command: Command) =>
        launch(command, (run) => act(run, id, action, {})),
      );
  }
  addRetry(post, launch);
  addResolve(post, launch);
}

/** `retry` stands beside `why` as well: the two an operator needs in a hurry. */
export function retryCommand(program: Command, launch: Launch): void {
  addRetry(program, launch);
}

function addRetry(parent: Command, launch: Launch): void {
  withDueTime(parent.command('retry'), 'at a new time, with its offset')
    .argument('<id>')
    .description('approve a failed or missed post again')
    .action((id: string, options: unknown, command: Command) =>
      launch(command, (run) => {
        const at = dueTimeOf(options);
        return act(run, id, 'retry', at === undefined ? {} : { scheduled_at: at });
      }),
    );
}

const resolveOptions = z.object({
  live: z.string().optional(),
  absent: z.boolean().default(false),
});

function addResolve(post: Command, launch: Launch): void {
  post
    .command('resolve')
    .argument('<id>')
    .description('say what a person found on the network, of a post whose outcome is unknown')
    .option('--live <external-id>', 'it is there, under this id')
    .option('--absent', 'it is not there: it is sent again')
    .action((id: string, options: unknown, command: Command) =>
      launch(command, (run) => {
        const { live, absent } = resolveOptions.parse(options);
        if ((live === undefined) === !absent) {
          throw new CommandError('usage', 'Say either --live EXTERNAL_ID or --absent.');
        }
        const body =
          live === undefined ? { outcome: 'absent' } : { outcome: 'live', external_id: live };
        return act(run, id, 'resolve', body);
      }),
    );
}

async function act(
  { session, answer }: Run,
  id: string,
  action: 'approve' | 'cancel' | 'retry' | 'resolve',
  body: object,
): Promise<void> {
  const tenantId = await ownerOf(session, id);
  const api = await session.api();
  const request = { method: 'POST', path: `/v1/posts/${id}/${action}`, body, tenantId } as const;
  const changed = await api.call(request, postView);
  answer(changed, () => describePost(changed));
}

/** Throws CommandError: an id that is none, or is not there. */
async function ownerOf(session: Session, id: string): Promise<string> {
  if (!z.guid().safeParse(id).success) {
    throw new CommandError('malformed_id', `"${id}" is no post id: those are UUIDs.`);
  }
  const tenantId = await ownerOfPost(await session.database(), id);
  if (tenantId === undefined) throw new CommandError('not_found', noPostText(id, session.config));
  return tenantId;
}

async function listPosts(
  { session, table, style }: Run,
  { tenant, status, attention, reference, limit }: z.output<typeof listOptions>,
): Promise<void> {
  const api = await session.api();
  const tenants = tenant === undefined ? await listTenants(api) : [await findTenant(api, tenant)];
  const query = { status, reference, attention: attention ? 'true' : undefined };
  const posts: PostView[] = [];
  for (const { id: tenantId } of tenants)
    posts.push(...(await postsOf(api, tenantId, query, limit)));
  posts.sort((one, other) => (one.id < other.id ? 1 : -1));
  const none = tenants.length === 0 ? noTenantsText(session.config) : 'There are no such posts.';
  table(postColumns(style), posts, none);
}

function postsOf(
  api: ApiClient,
  tenantId: string,
  query: Readonly<Record<string, string | undefined>>,
  limit: number,
): Promise<PostView[]> {
  return api.list({ method: 'GET', path: '/v1/posts', query, tenantId }, postView, limit);
}

export function whyCommand(program: Command, launch: Launch): void {
  program
    .command('why')
    .argument('<id>', 'of a post')
    .description('the whole story of a post: approved, waited for what, sent, answered, decided')
    .action((id: string, _options: unknown, command: Command) =>
      launch(command, (run) => tellWhy(run, id)),
    );
}

async function tellWhy({ session, answer, style }: Run, id: string): Promise<void> {
  const tenantId = await ownerOf(session, id);
  const db = await session.database();
  const api = await session.api();
  const path = `/v1/posts/${id}`;
  const post = await api.call({ method: 'GET', path, tenantId }, postView);
  // As the API shows them, masked, for scripts; the story needs what only the operator may see.
  const shown = await api.list({ method: 'GET', path: `${path}/attempts`, tenantId }, attemptView);
  const { events, replays, facts, story, outlook } = await tellPost(db, post);
  answer({ post, attempts: shown, events, replays, story, outlook }, () =>
    [
      describePost(post),
      ...(facts === undefined
        ? []
        : [
            `${'account'.padEnd(12)} ${[facts.account_name, facts.account].filter(Boolean).join(' ')} of ${facts.tenant}\n`,
          ]),
      `\n${style.bold('What happened')} (UTC)\n`,
      writeStory(story, style),
      `\n${style.bold('What comes next')}\n`,
      ...outlook.map((line) => `  ${oneLine(line)}\n`),
    ].join(''),
  );
}

function postColumns(style: Style): readonly Column<PostView>[] {
  return [
    { title: 'ID', text: ({ id }) => id },
    { title: 'STATUS', text: ({ status }) => status, paint: (post) => paintOf(post, style) },
    { title: 'DUE', text: ({ scheduled_at }) => shortTime(scheduled_at) },
    { title: 'EXTERNAL ID', text: ({ external_id }) => external_id ?? '' },
    { title: 'MESSAGE', text: ({ message }) => message ?? '', flexible: true },
  ];
}

function paintOf({ status, attention }: PostView, style: Style): Paint | undefined {
  if (['failed', 'missed', 'unknown'].includes(status)) return style.red;
  if (attention !== null && attention !== undefined) return style.yellow;
  return ['published', 'scheduled', 'drafted'].includes(status) ? style.green : undefined;
}

function describePost(post: PostView): string {
  return factsOf(post)
    .map(([name, text]) => `${name.padEnd(12)} ${oneLine(text)}\n`)
    .join('');
}

/** A line a moment: when, how long after the line before, whose doing, what. */
function writeStory(moments: readonly Moment[], style: Style): string {
  return timed(moments)
    .map(
      ({ time, gap, what, text }) =>
        `${style.dim(`${time}  ${gap.padStart(8)}`)}  ${what.padEnd(7)}  ${oneLine(text)}\n`,
    )
    .join('');
}
