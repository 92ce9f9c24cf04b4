import type { Command } from 'commander';
import { z } from 'zod';
import { type PostView, postView } from '../../story/views.ts';
import type { Api } from '../api.ts';
import type { Launch, Run } from '../command.ts';
import { dueTimeOf, withDueTime } from '../due-time.ts';
import { noPostText, noTenantsText } from '../elsewhere.ts';
import { CommandError } from '../failure.ts';
import { findTenant, listTenants } from '../find.ts';
import { ownerOfPost } from '../ledger/store.ts';
import { wholeNumber } from '../number.ts';
import { describePost, postColumns } from '../post-text.ts';
import type { Session } from '../session.ts';

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
export async function ownerOf(session: Session, id: string): Promise<string> {
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
  api: Api,
  tenantId: string,
  query: Readonly<Record<string, string | undefined>>,
  limit: number,
): Promise<PostView[]> {
  return api.list({ method: 'GET', path: '/v1/posts', query, tenantId }, postView, limit);
}
