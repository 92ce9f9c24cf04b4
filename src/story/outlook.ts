import type { AttemptFacts, PostFacts } from './store.ts';
import { gapText } from './story.ts';
import { shortTime } from './time.ts';
import { accountStateText, plural, reconnectCommand } from './words.ts';

/** What comes next, and what stands in its way, in sentences. */
export function outlookOf(
  status: string,
  facts: PostFacts,
  attempts: readonly AttemptFacts[],
): readonly string[] {
  const obstacles = obstaclesOf(status, facts);
  const next = isHeldBack(status, facts, obstacles)
    ? `It is due, to go out ${modeText(facts)}, and waits for this:`
    : nextStep(status, facts, attempts);
  return [...(next === null ? [] : [next]), ...obstacles];
}

/** What stands in its way keeps a post whose turn has come from getting it. */
function isHeldBack(
  status: string,
  { next_run_at: turn, now }: PostFacts,
  obstacles: readonly string[],
): boolean {
  return status === 'approved' && obstacles.length > 0 && turn !== null && turn <= now;
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
      if (facts.next_run_at === null) return 'A scheduler plans it within a second or two.';
      return `Planned as ${facts.effective_mode ?? 'asked'}: its turn comes ${when(facts.next_run_at, now)}.`;
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

function ownerText(
  { lease_until: lease, now }: PostFacts,
  attempts: readonly AttemptFacts[],
): string {
  const open = attempts.findLast(({ state }) => state === 'sent');
  if (open?.owned_until) {
    return `Its call may be under way; the worker has until ${shortTime(open.owned_until.toISOString())}, then the outcome counts as unknown and is looked for.`;
  }
  return `A worker prepares it; should that one be gone, another takes over ${when(lease, now)}.`;
}

function lookText(facts: PostFacts, attempts: readonly AttemptFacts[]): string {
  const open = attempts.findLast(({ state }) => state === 'unknown');
  if (open === undefined) return 'Nothing looks for it by itself: a person answers with `resolve`.';
  const again = facts.resend ? '' : ' Whatever is found, it is not sent again: it was called off.';
  const looks = `${plural(open.looks, 'complete look')} found nothing so far.`;
  if (open.look_at === null)
    return `${looks} A person answers: the post is there, or it is not.${again}`;
  return `${looks} The next one comes ${when(open.look_at, facts.now)}.${again}`;
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
