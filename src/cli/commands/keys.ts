import type { Command } from 'commander';
import { findWrongKeys, requireFleetsKey } from '../../fence/same-fleet.ts';
import { Vault } from '../../vault.ts';
import type { Launch, Run } from '../command.ts';
import { type Rotation, rotateAnswers, rotateTokens } from '../rotation/rotate.ts';
import { countByKey, type KeyUse } from '../rotation/store.ts';

export function keysCommand(program: Command, launch: Launch): void {
  const keys = program
    .command('keys')
    .description(
      'the keys of ENCRYPTION_KEYS, which seal the tokens and the answers that hold a secret',
    );

  keys
    .command('status')
    .description('how much each key seals, and which keys may be dropped')
    .action((_options: unknown, command: Command) => launch(command, showStatus));

  keys
    .command('rotate')
    .description('seal everything anew under the first key, while everything runs')
    .action((_options: unknown, command: Command) => launch(command, rotate));
}

interface KeyRow extends KeyUse {
  readonly state: 'seals' | 'opens' | 'missing' | 'wrong';
}

/** Exit code 1 while a token needs a key that is not there, or is another one under its id; answers are kept for 30 days only and can be done without. */
async function showStatus({ session, table, fail, style }: Run): Promise<void> {
  const db = await session.database();
  const used = await countByKey(db);
  const wrong = await findWrongKeys(db, new Vault(session.config.encryptionKeys));
  const ids = session.config.encryptionKeys.map(({ id }) => id);
  const known = ids.map((id, index): KeyRow => {
    const { integrations = 0, answers = 0 } = used.find(({ key_id }) => key_id === id) ?? {};
    const state = index === 0 ? 'seals' : 'opens';
    return { key_id: id, integrations, answers, state: wrong.has(id) ? 'wrong' : state };
  });
  const missing = used
    .filter(({ key_id }) => !ids.includes(key_id))
    .map((use): KeyRow => ({ ...use, state: 'missing' }));
  if (wrong.size > 0 || missing.some(({ integrations }) => integrations > 0)) fail();
  table(
    [
      { title: 'KEY', text: ({ key_id }) => key_id },
      { title: 'TOKENS', text: ({ integrations }) => String(integrations) },
      { title: 'KEPT ANSWERS', text: ({ answers }) => String(answers) },
      {
        title: 'STATE',
        text: describeState,
        paint: ({ state }) => (state === 'missing' || state === 'wrong' ? style.red : undefined),
      },
    ],
    [...known, ...missing],
    '',
  );
}

function describeState({ state, integrations, answers }: KeyRow): string {
  switch (state) {
    case 'seals':
      return 'seals and opens';
    case 'opens':
      return integrations + answers === 0
        ? 'opens; nothing needs it: it may be dropped'
        : 'opens: run `keys rotate`';
    case 'wrong':
      return 'WRONG: another key than the one that sealed, or than the fleet has: put that one back';
    case 'missing':
      return integrations === 0
        ? 'MISSING: these answers cannot be repeated; they go within 30 days'
        : 'MISSING: add it to ENCRYPTION_KEYS again';
  }
}

async function rotate({ session, io, isJson, answer, fail }: Run): Promise<void> {
  const db = await session.database();
  const vault = new Vault(session.config.encryptionKeys);
  // Sealed anew with a key that the fleet does not have, every token would be lost to it.
  await requireFleetsKey({ db, vault });
  const isLive = io.stderr.isTTY === true && !isJson;
  const show =
    (what: string) =>
    ({ seen, resealed }: { readonly seen: number; readonly resealed: number }) => {
      if (isLive) io.stderr.write(`\r${seen} ${what} looked at, ${resealed} sealed anew`);
    };
  const tokens = await rotateTokens(db, vault, show('tokens'));
  const answers = await rotateAnswers(db, vault, show('kept answers'));
  if (isLive) io.stderr.write('\n');
  if (tokens.unopened.length > 0) fail();
  const unopened = tokens.unopened.map(({ id }) => id);
  const answerCounts = { ...answers, unopened: answers.unopened.length };
  answer({ ...tokens, unopened, answers: answerCounts }, () =>
    [
      sentence('tokens', tokens),
      ...(answers.seen === 0 ? [] : [sentence('kept answers', answers)]),
      ...(tokens.changedMeanwhile + answers.changedMeanwhile === 0
        ? []
        : ['Some were replaced meanwhile: run it once more.']),
      ...unopened.map(
        (id) =>
          `The token of integration ${id} does not open: connect the account again, or bring its key back.`,
      ),
      ...(answers.unopened.length === 0
        ? []
        : [
            `Kept answers that do not open: ${answers.unopened.length}. Whoever repeats their request is told so; they are deleted within 30 days.`,
          ]),
      '',
    ].join('\n'),
  );
}

function sentence(what: string, done: Rotation<unknown>): string {
  const current = done.seen - done.resealed - done.changedMeanwhile - done.unopened.length;
  return `${done.resealed} of ${done.seen} ${what} sealed anew, ${current} were current.`;
}
