import { z } from 'zod';
import type { Sql } from '../db/client.ts';
import {
  type AttemptFacts,
  listAttemptFacts,
  listPostEvents,
  listReplaysOfPost,
  type PostEvent,
  type PostFacts,
  type ReplayOfPost,
  readPostFacts,
} from './store.ts';
import { gapText, type Moment, storyOf } from './story.ts';
import { accountStateText, plural, reconnectCommand, shortTime } from './views.ts';

/** A post's whole story with what it is told from. Operators only: nothing of it is masked. */
export interface ToldPost {
  readonly facts: PostFacts | undefined;
  readonly events: readonly PostEvent[];
  readonly attempts: readonly AttemptFacts[];
  readonly replays: readonly ReplayOfPost[];
  readonly story: readonly Moment[];
  readonly outlook: readonly string[];
}

export async function tellPost(
  sql: Sql,
  { id, status }: { readonly id: string; readonly status: string },
): Promise<ToldPost> {
  const [events, attempts, replays, facts] = await Promise.all([
    listPostEvents(sql, id),
    listAttemptFacts(sql, id),
    listReplaysOfPost(sql, id),
    readPostFacts(sql, id),
  ]);
  const story = storyOf({ events, attempts, replays });
  const outlook = facts === undefined ? [] : outlookOf(status, facts, attempts);
  return { facts, events, attempts, replays, story, outlook };
}

/** What comes next, and what stands in its way, in sentences. */
function outlookOf(
  status: string,
  facts: PostFacts,
  attempts: readonly AttemptFacts[],
): readonly string[] {
  const obstacles = obstaclesOf(status, facts);
  const next = isHeldBack(status, facts, obstacles)
    ? `It is due, to go out ${modeText(facts)}, and waits for this:`
    : nextStep(status, facts, attempts);
  return [...(next === null ? [] : [next]), ...obstacles, ...attempts.flatMap(remainsOf)];
}

/** Until an account can be used again its posts are looked at anew every few seconds. */
const soonMs = 60_000;

/** What stands in its way keeps a post whose turn has come, or comes at once, from getting it. */
function isHeldBack(
  status: string,
  { next_run_at: turn, scheduled_at: due, integration_status: state, now }: PostFacts,
  obstacles: readonly string[],
): boolean {
  if (status !== 'approved' || obstacles.length === 0 || turn === null) return false;
  const isRepeated = state !== 'active' && (due === null || due <= now);
  return turn.getTime() <= now.getTime() + (isRepeated ? soonMs : 0);
}

const modeTexts: Readonly<Record<string, string>> = {
  draft: 'as a draft',
  schedule: "by the network's own scheduler",
  publish: 'in public',
};

function modeText({ effective_mode: mode }: PostFacts): string {
  return modeTexts[mode ?? ''] ?? 'as asked';
}

function nextStep(
  status: string,
  facts: PostFacts,
  attempts: readonly AttemptFacts[],
): string | null {
  const { now } = facts;
  switch (status) {
    case 'draft':
    case 'in_review':
      return 'Nobody has approved it: nothing happens by itself.';
    case 'approved':
      return plannedText(facts, attempts);
    case 'queued':
      return `A job carries it; should that be lost, it gets another one ${when(facts.lease_until, now)}.`;
    case 'publishing':
      return ownerText(facts, attempts);
    case 'unknown':
      return lookText(facts, attempts);
    case 'published':
    case 'scheduled':
    case 'drafted':
      if (facts.verify_at === null) return 'It is where it should be; nothing more is to be done.';
      return `It is read back on the network ${when(facts.verify_at, now)} (read ${plural(facts.verifications, 'time')} so far).`;
    case 'failed':
    case 'missed':
      return `It stays so until somebody retries or cancels it: \`npm run cli -- retry ${facts.id}\`, for a new time with \`--scheduled-at TIME\`.`;
    default:
      return null;
  }
}

function plannedText(facts: PostFacts, attempts: readonly AttemptFacts[]): string {
  const { next_run_at: turn, scheduled_at: due, effective_mode: mode, now } = facts;
  if (turn === null) return 'A scheduler plans it within a second or two.';
  const ready = attempts.find(({ state, hidden_id: id }) => state === 'prepared' && id !== null);
  if (ready?.hidden_at) {
    return `It is ready: hidden on the network since ${shortTime(ready.hidden_at.toISOString())} as ${ready.hidden_id}, and shown by one call ${when(turn, now)}.`;
  }
  if (mode === 'publish' && due !== null && turn < due && due > now) {
    return `Planned as publish: it is made ready, hidden, ${when(turn, now)}, and shown ${when(due, now)}.`;
  }
  return `Planned as ${mode ?? 'asked'}: its turn comes ${when(turn, now)}.`;
}

function ownerText(
  { lease_until: lease, now }: PostFacts,
  attempts: readonly AttemptFacts[],
): string {
  const open = attempts.findLast(({ state }) => state === 'sent');
  if (open?.owned_until) {
    const until = shortTime(open.owned_until.toISOString());
    return open.hidden_id === null
      ? `Its call may be under way; the worker has until ${until}, then the outcome counts as unknown and is looked for.`
      : `The call that shows it may be under way; the worker has until ${until}, then the post is read by its id, ${open.hidden_id}.`;
  }
  return `A worker prepares it; should that one be gone, another takes over ${when(lease, now)}.`;
}

function lookText(facts: PostFacts, attempts: readonly AttemptFacts[]): string {
  const open = attempts.findLast(({ state }) => state === 'unknown');
  if (open === undefined) return 'Nothing looks for it by itself: a person answers with `resolve`.';
  if (open.hidden_id !== null) return readText(facts, open, open.hidden_id);
  const again = facts.resend ? '' : ' Whatever is found, it is not sent again: it was called off.';
  const looks = `${plural(open.looks, 'complete look')} found nothing so far.`;
  if (open.look_at === null)
    return `${looks} A person answers: the post is there, or it is not.${again}`;
  return `${looks} The next one comes ${when(open.look_at, facts.now)}.${again}`;
}

/** Of a reveal without an answer: the post itself says what became of it. */
function readText({ resend, now }: PostFacts, { look_at: at }: AttemptFacts, id: string): string {
  if (at === null)
    return `${id} is not there any more. A person answers: it was seen, or it was not.`;
  const hidden = resend
    ? 'it is shown by the same call once more'
    : 'it is deleted: it was called off';
  return `${id} is read ${when(at, now)}. Should it be hidden still, ${hidden}. There is no second post either way.`;
}

const keptTexts: Readonly<Record<string, string>> = {
  public: 'people see it',
  several: 'there are several, and nobody can tell which one is ours',
  app_unknown: 'nobody can tell whether it is ours',
  lists_incomplete: 'the account does not show everything',
};

const orphans = z.array(
  z.looseObject({
    id: z.string().nullable(),
    media: z.array(z.unknown()),
    kept: z.string().optional(),
  }),
);

/** What is hidden at the network and of no use any more. */
function remainsOf(attempt: AttemptFacts, index: number): readonly string[] {
  const { state, hidden_id: id } = attempt;
  const isDiscarded = id !== null && (state === 'rejected' || state === 'abandoned');
  const discarded = isDiscarded ? [`the hidden post ${id} is to be deleted`] : [];
  const lost = (orphans.safeParse(attempt.orphans).data ?? []).map(orphanText);
  return [...discarded, ...lost].map((text) => `Left of attempt ${index + 1}: ${text}.`);
}

function orphanText({ id, media, kept }: z.output<typeof orphans>[number]): string {
  const photos = media.length === 0 ? '' : ` with ${plural(media.length, 'photo')}`;
  const what =
    id === null
      ? `a hidden post${photos}, should a lost answer have made one`
      : `the hidden post ${id}`;
  if (kept === undefined) return `${what}: it is looked for, and deleted`;
  return `${what}: it is left where it is, as ${keptTexts[kept] ?? kept}`;
}

function obstaclesOf(status: string, facts: PostFacts): readonly string[] {
  if (['draft', 'in_review', 'cancelled', 'failed', 'missed'].includes(status)) return [];
  const { now, fenced_at: fencedAt, held_until: heldUntil, integration_status: state } = facts;
  const account = `${facts.account_name ?? facts.account} (${facts.provider} ${facts.account})`;
  return [
    ...(fencedAt === null
      ? []
      : [
          `Everything is FENCED since ${shortTime(fencedAt.toISOString())}: nothing is sent until \`unfence\`.`,
        ]),
    ...facts.pauses.map((pause) => `It is PAUSED (${pause}): \`npm run cli -- pause list\`.`),
    ...(state === 'active' ? [] : [`Its account ${account} ${accountText(state, facts)}`]),
    ...(heldUntil === null || heldUntil <= now
      ? []
      : [
          facts.held_text === null
            ? `The network allows ${account} no calls until ${shortTime(heldUntil.toISOString())}.`
            : `${account} is held: ${facts.held_text}`,
        ]),
  ];
}

function accountText(state: string, facts: PostFacts): string {
  const command = reconnectCommand(state, facts);
  return `${accountStateText(state)}${command === null ? '' : `: \`${command}\``}.`;
}

function when(at: Date | null, now: Date): string {
  if (at === null) return 'soon';
  const ms = at.getTime() - now.getTime();
  if (ms <= 0) return 'now';
  return `at ${shortTime(at.toISOString())} (in ${gapText(ms).slice(1)})`;
}
