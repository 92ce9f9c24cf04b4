import type { Command } from 'commander';
import { answerBinding } from '../../api/idempotency.ts';
import type { Sql } from '../../db/client.ts';
import { findWrongKeys, requireFleetsKey } from '../../fence/fleet.ts';
import { appBinding, loginBinding } from '../../integrations/account.ts';
import { type Binding, Vault } from '../../vault.ts';
import type { Launch, Run } from '../command.ts';
import {
  countByKey,
  type KeyUse,
  nextAnswers,
  nextTokens,
  type Resealed,
  type SealedAnswer,
  type SealedToken,
  saveAnswers,
  saveTokens,
} from '../store.ts';

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
    const use = used.find(({ key_id }) => key_id === id) ?? { ...nothing, key_id: id };
    const state = index === 0 ? 'seals' : 'opens';
    return { ...use, state: wrong.has(id) ? 'wrong' : state };
  });
  const missing = used
    .filter(({ key_id }) => !ids.includes(key_id))
    .map((use): KeyRow => ({ ...use, state: 'missing' }));
  if (wrong.size > 0 || missing.some((use) => needed(use) > 0)) fail();
  table(
    [
      { title: 'KEY', text: ({ key_id }) => key_id },
      { title: 'TOKENS', text: (row) => String(needed(row) + row.connections) },
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

const nothing = { integrations: 0, logins: 0, apps: 0, connections: 0, answers: 0 };

/** What cannot be done without. */
function needed({ integrations, logins, apps }: KeyUse): number {
  return integrations + logins + apps;
}

function describeState(row: KeyRow): string {
  switch (row.state) {
    case 'seals':
      return 'seals and opens';
    case 'opens':
      return needed(row) + row.connections + row.answers === 0
        ? 'opens; nothing needs it: it may be dropped'
        : 'opens: run `keys rotate`';
    case 'wrong':
      return 'WRONG: another key than the one that sealed, or than the fleet has: put that one back';
    case 'missing':
      return needed(row) === 0
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
  const told = tokens.unopened.map(tellUnopened);
  const answerCounts = { ...answers, unopened: answers.unopened.length };
  answer({ ...tokens, unopened, answers: answerCounts }, () =>
    [
      sentence('tokens', tokens),
      ...(answers.seen === 0 ? [] : [sentence('kept answers', answers)]),
      ...(tokens.changedMeanwhile + answers.changedMeanwhile === 0
        ? []
        : ['Some were replaced meanwhile: run it once more.']),
      ...told,
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

interface Rotation<Value> {
  readonly seen: number;
  readonly resealed: number;
  /** Replaced by somebody else while we looked; the next pass finds them current or seals them again. */
  readonly changedMeanwhile: number;
  /** What could not be opened: its key is missing, or the value was damaged. */
  readonly unopened: readonly Value[];
}

type OnProgress = (soFar: Pick<Rotation<unknown>, 'seen' | 'resealed'>) => void;

/**
 * Seals every token anew under the first key, while the program runs. What is current already is left alone, so it
 * can be stopped and started at will.
 * @internal for tests
 */
export function rotateTokens(
  sql: Sql,
  vault: Vault,
  onProgress: OnProgress,
): Promise<Rotation<SealedToken>> {
  const kind = { next: nextTokens, save: saveTokens, bindingOf: tokenBinding };
  return rotateAll<SealedToken>(sql, vault, kind, onProgress);
}

function tokenBinding({ kind, tenantId, id }: SealedToken): Binding {
  switch (kind) {
    case 'integration':
      return { tenantId, integrationId: id };
    case 'login':
      return loginBinding(tenantId, id);
    case 'app':
      return appBinding(tenantId, id.slice(id.indexOf(':') + 1));
  }
}

function tellUnopened({ kind, id }: SealedToken): string {
  const what = {
    integration: `The token of integration ${id} does not open: connect the account again`,
    login: `The token of the person ${id} does not open: connect their accounts again`,
    app: `The secret of the app ${id} does not open: set it again`,
  };
  return `${what[kind]}, or bring its key back.`;
}

/**
 * The same for the answers that are kept, with a secret in them, to be repeated for their Idempotency-Key.
 * @internal for tests
 */
export function rotateAnswers(
  sql: Sql,
  vault: Vault,
  onProgress: OnProgress,
): Promise<Rotation<SealedAnswer>> {
  const kind = { next: nextAnswers, save: saveAnswers, bindingOf: answerBinding };
  return rotateAll<SealedAnswer>(sql, vault, kind, onProgress);
}

/** A kind of sealed value: how to go through all of it, and what each one is bound to. */
interface SealedKind<Value> {
  next(sql: Sql, after: Value | undefined, limit: number): Promise<Value[]>;
  /** Answers how many were still as they had been read. */
  save(sql: Sql, values: readonly Resealed<Value>[]): Promise<number>;
  bindingOf(value: Value): Binding;
}

const batchSize = 200;

async function rotateAll<Value extends { readonly sealed: string }>(
  sql: Sql,
  vault: Vault,
  kind: SealedKind<Value>,
  onProgress: OnProgress,
): Promise<Rotation<Value>> {
  let total: Rotation<Value> = { seen: 0, resealed: 0, changedMeanwhile: 0, unopened: [] };
  let after: Value | undefined;
  for (;;) {
    const batch = await kind.next(sql, after, batchSize);
    after = batch.at(-1);
    if (after === undefined) return total;
    total = add(total, await rotateBatch(sql, vault, kind, batch));
    onProgress(total);
  }
}

async function rotateBatch<Value extends { readonly sealed: string }>(
  sql: Sql,
  vault: Vault,
  kind: SealedKind<Value>,
  batch: readonly Value[],
): Promise<Rotation<Value>> {
  const changed: Resealed<Value>[] = [];
  const unopened: Value[] = [];
  for (const value of batch) {
    const resealed = reseal(vault, value.sealed, kind.bindingOf(value));
    if (resealed === undefined) unopened.push(value);
    else if (resealed !== value.sealed) changed.push({ ...value, resealed });
  }
  const saved = changed.length === 0 ? 0 : await kind.save(sql, changed);
  const changedMeanwhile = changed.length - saved;
  return { seen: batch.length, resealed: saved, changedMeanwhile, unopened };
}

/** The same text where it is current already, undefined where it does not open. */
function reseal(vault: Vault, sealed: string, binding: Binding): string | undefined {
  try {
    if (vault.isCurrent(sealed)) return sealed;
    return vault.seal(vault.open(sealed, binding), binding);
  } catch {
    return undefined;
  }
}

function add<Value>(total: Rotation<Value>, batch: Rotation<Value>): Rotation<Value> {
  return {
    seen: total.seen + batch.seen,
    resealed: total.resealed + batch.resealed,
    changedMeanwhile: total.changedMeanwhile + batch.changedMeanwhile,
    unopened: [...total.unopened, ...batch.unopened],
  };
}
