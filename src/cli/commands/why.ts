import type { Command } from 'commander';
import type { Launch, Run } from '../command.ts';
import { listPostEvents } from '../ledger/store.ts';
import { describePost } from '../post-text.ts';
import { storyOf, writeStory } from '../story.ts';
import { attemptView, postView } from '../views.ts';
import { ownerOf } from './post.ts';

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
  const db = await session.database();
  const tenantId = await ownerOf(db, id);
  const api = await session.api();
  const path = `/v1/posts/${id}`;
  const post = await api.call({ method: 'GET', path, tenantId }, postView);
  const attempts = await api.list(
    { method: 'GET', path: `${path}/attempts`, tenantId },
    attemptView,
  );
  const events = await listPostEvents(db, id);
  answer({ post, attempts, events }, () =>
    [describePost(post), '\n', writeStory(storyOf(attempts, events), style)].join(''),
  );
}
