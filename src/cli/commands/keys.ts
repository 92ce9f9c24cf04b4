import type { Command } from 'commander';
import { Vault } from '../../vault.ts';
import type { Launch, Run } from '../command.ts';
import { rotateTokens } from '../rotation/rotate.ts';
import { countByKey } from '../rotation/store.ts';

export function keysCommand(program: Command, launch: Launch): void {
  const keys = program
    .command('keys')
    .description('the keys of ENCRYPTION_KEYS, which seal the tokens');

  keys
    .command('status')
    .description('how many tokens each key seals, and which keys may be dropped')
    .action((_options: unknown, command: Command) => launch(command, showStatus));

  keys
    .command('rotate')
    .description('seal every token anew under the first key, while everything runs')
    .action((_options: unknown, command: Command) => launch(command, rotate));
}

interface KeyRow {
  readonly key_id: string;
  readonly integrations: number;
  readonly state: 'seals' | 'opens' | 'missing';
}

/** Exit code 1 while a token needs a key that is not there. */
async function showStatus({ session, table, fail, style }: Run): Promise<void> {
  const used = await countByKey(await session.database());
  const ids = session.config.encryptionKeys.map(({ id }) => id);
  const known = ids.map((id, index): KeyRow => {
    const integrations = used.find(({ key_id }) => key_id === id)?.integrations ?? 0;
    return { key_id: id, integrations, state: index === 0 ? 'seals' : 'opens' };
  });
  const missing = used
    .filter(({ key_id }) => !ids.includes(key_id))
    .map((use): KeyRow => ({ ...use, state: 'missing' }));
  if (missing.length > 0) fail();
  table(
    [
      { title: 'KEY', text: ({ key_id }) => key_id },
      { title: 'TOKENS', text: ({ integrations }) => String(integrations) },
      {
        title: 'STATE',
        text: describeState,
        paint: ({ state }) => (state === 'missing' ? style.red : undefined),
      },
    ],
    [...known, ...missing],
    '',
  );
}

function describeState({ state, integrations }: KeyRow): string {
  switch (state) {
    case 'seals':
      return 'seals and opens';
    case 'opens':
      return integrations === 0
        ? 'opens; nothing needs it: it may be dropped'
        : 'opens: run `keys rotate`';
    case 'missing':
      return 'MISSING: add it to ENCRYPTION_KEYS again';
  }
}

async function rotate({ session, io, isJson, answer, fail }: Run): Promise<void> {
  const db = await session.database();
  const vault = new Vault(session.config.encryptionKeys);
  const isLive = io.stderr.isTTY === true && !isJson;
  const done = await rotateTokens(db, vault, ({ seen, resealed }) => {
    if (isLive) io.stderr.write(`\r${seen} looked at, ${resealed} sealed anew`);
  });
  if (isLive) io.stderr.write('\n');
  if (done.unopened.length > 0) fail();
  answer(done, () =>
    [
      `${done.resealed} of ${done.seen} tokens sealed anew, ${done.seen - done.resealed - done.changedMeanwhile - done.unopened.length} were current.`,
      ...(done.changedMeanwhile === 0
        ? []
        : [`${done.changedMeanwhile} were replaced meanwhile: run it once more.`]),
      ...done.unopened.map(
        (id) =>
          `The token of integration ${id} does not open: connect the account again, or bring its key back.`,
      ),
      '',
    ].join('\n'),
  );
}
