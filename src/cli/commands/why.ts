import type { Command } from 'commander';
import { tellPost } from '../../story/tell.ts';
import { postView } from '../../story/views.ts';
import type { Launch, Run } from '../command.ts';
import { describePost } from '../post-text.ts';
import { writeStory } from '../story-text.ts';
import { oneLine } from '../table.ts';
import { attemptView } from '../views.ts';
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
