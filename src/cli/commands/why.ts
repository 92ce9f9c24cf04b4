import type { Command } from 'commander';
import type { Launch, Run } from '../command.ts';
import {
  listAttemptFacts,
  listPostEvents,
  listReplaysOfPost,
  readPostFacts,
} from '../ledger/store.ts';
import { outlookOf } from '../outlook.ts';
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
  // As the API shows them, masked, for scripts; the story needs what only the operator may see.
  const shown = await api.list({ method: 'GET', path: `${path}/attempts`, tenantId }, attemptView);
  const [events, attempts, replays, facts] = await Promise.all([
    listPostEvents(db, id),
    listAttemptFacts(db, id),
    listReplaysOfPost(db, id),
    readPostFacts(db, id),
  ]);
  const story = storyOf({ events, attempts, replays });
  const outlook = facts === undefined ? [] : outlookOf(post.status, facts, attempts);
  answer({ post, attempts: shown, events, replays, story, outlook }, () =>
    [
      describePost(post),
      ...(facts === undefined
        ? []
        : [
            `${'account'.padEnd(12)} ${facts.account_name ?? ''} ${facts.account} of ${facts.tenant}\n`,
          ]),
      `\n${style.bold('What happened')} (UTC)\n`,
      writeStory(story, style),
      `\n${style.bold('What comes next')}\n`,
      ...outlook.map((line) => `  ${line}\n`),
    ].join(''),
  );
}
