import { z } from 'zod';
import type { AttemptFacts, PostEvent, ReplayOfPost } from './store.ts';
import {
  attentionView,
  callView,
  errorView,
  nameOfActor,
  plural,
  shortTime,
  waitingView,
} from './views.ts';

export interface Moment {
  readonly at: string;
  /** Whose doing it is: the row's own history, an attempt, the network, a look, a person. */
  readonly what: 'post' | 'attempt' | 'call' | 'look' | 'person' | 'replay';
  readonly text: string;
}

export interface Ledger {
  readonly events: readonly PostEvent[];
  readonly attempts: readonly AttemptFacts[];
  readonly replays: readonly ReplayOfPost[];
}

/** What happened, in order: changes of status, attempts, every call to the network, looks and answers of people. */
export function storyOf({ events, attempts, replays }: Ledger): readonly Moment[] {
  const moments = [
    ...events.map(momentOf),
    ...attempts.flatMap((attempt, index) => momentsOf(attempt, index + 1)),
    ...replays.flatMap(replayMoments),
  ];
  return moments.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

/** To the millisecond and in UTC, and how long after the moment before. */
export function timed(
  moments: readonly Moment[],
): readonly (Moment & { readonly time: string; readonly gap: string })[] {
  return moments.map((moment, index) => {
    const before = moments[index - 1]?.at ?? moment.at;
    const gap = gapText(Date.parse(moment.at) - Date.parse(before));
    return { ...moment, time: moment.at.slice(0, 23).replace('T', ' '), gap };
  });
}

/** `+12 ms`, `+3.4 s`, `+12 min`, `+5.0 h`, `+3 d`. */
export function gapText(ms: number): string {
  if (ms < 1_000) return `+${Math.max(0, Math.round(ms))} ms`;
  if (ms < 90_000) return `+${(ms / 1_000).toFixed(1)} s`;
  if (ms < 90 * 60_000) return `+${Math.round(ms / 60_000)} min`;
  if (ms < 48 * 3_600_000) return `+${(ms / 3_600_000).toFixed(1)} h`;
  return `+${Math.round(ms / 86_400_000)} d`;
}

const eventData = z.looseObject({
  waiting: waitingView.nullish(),
  error: errorView.nullish(),
  attention: attentionView.nullish(),
  change: z.looseObject({ kind: z.string(), error: errorView.nullish().catch(null) }).nullish(),
  external_id: z.string().nullish(),
  publish_url: z.string().nullish(),
  scheduled_at: z.string().nullish(),
});

function momentOf({ at, type, from_status, to_status, version, data }: PostEvent): Moment {
  const { waiting, error, attention, change, external_id, publish_url, scheduled_at } =
    eventData.safeParse(data).data ?? {};
  const because = [
    ...(change ? [change.error ? `${change.kind}: ${change.error.message}` : change.kind] : []),
    ...(scheduled_at ? [`to ${shortTime(scheduled_at)}`] : []),
    ...(external_id ? [`external id ${external_id}`] : []),
    ...(publish_url ? [publish_url] : []),
    ...(waiting ? [waitText(waiting)] : []),
    ...(error
      ? [`${error.class}: ${error.message}; ${nameOfActor(error.who)}: ${error.action}`]
      : []),
    ...(attention
      ? [`a person is asked (${attention.choices.join(', ')}): ${attention.text}`]
      : []),
  ];
  const step = from_status === to_status ? stayed(type) : `${from_status} → ${to_status}`;
  const what = from_status === null ? `created as ${to_status}` : step;
  const meaning = from_status === to_status ? undefined : meanings[to_status];
  const details = [...(meaning === undefined ? [] : [meaning]), ...because];
  const detail = details.length === 0 ? '' : `; ${details.join('; ')}`;
  return { at: at.toISOString(), what: 'post', text: `${what} (version ${version})${detail}` };
}

/** What came to pass without a new status: `change done`, `rescheduled`. */
function stayed(type: string): string {
  return type.replace('post.', '').replaceAll('_', ' ');
}

const meanings: Readonly<Record<string, string>> = {
  queued: 'it is its turn: a job carries it',
  publishing: 'a worker has it',
  unknown: 'it may be live: the answer is not known',
};

function waitText({ reason, until, text }: z.output<typeof waitingView>): string {
  return `waits for ${reason}${until === null ? '' : ` until ${shortTime(until)}`}: ${text}`;
}

const calls = z.array(callView);

function momentsOf(attempt: AttemptFacts, number: number): Moment[] {
  const name = `attempt ${number}`;
  const { started_at: startedAt, sent_at: sentAt, settled_at: settledAt } = attempt;
  const moments: Moment[] = [];
  const tell = (at: Date, text: string): number =>
    moments.push({ at: at.toISOString(), what: 'attempt', text: `${name} ${text}` });
  const made = calls.safeParse(attempt.calls).data ?? [];
  const sentMs = sentAt?.getTime() ?? Infinity;
  const which = `(${attempt.mode}, run ${attempt.run})`;
  // Where nothing comes before the visible call, preparing and committing are one.
  const isOneStep = sentAt !== null && made.every(({ at }) => Date.parse(at) >= sentMs);
  if (!isOneStep) tell(startedAt, `${which} prepared: its calls are set aside`);
  if (attempt.hidden_at !== null) tell(attempt.hidden_at, hiddenText(attempt));
  if (sentAt !== null) tell(sentAt, `${which} ${sentText(attempt)}`);
  moments.push(...callMoments(made, name), ...evidenceMoments(attempt, name));
  if (settledAt !== null) tell(settledAt, settledText(attempt));
  return moments;
}

function hiddenText({ hidden_id: id }: AttemptFacts): string {
  return `made it hidden on the network${id === null ? '; it was deleted there since' : ` as ${id}`}`;
}

function sentText({ hidden_at: hiddenAt, owned_until: until }: AttemptFacts): string {
  const call =
    hiddenAt === null
      ? 'the one visible call may go out'
      : 'the hidden post is to be shown, by a call that may be repeated';
  const owned = until === null ? '' : `; its worker has until ${shortTime(until.toISOString())}`;
  return `committed as sent: ${call}${owned}`;
}

function callMoments(made: z.output<typeof calls>, name: string): Moment[] {
  let reveals = 0;
  return made.map(({ method, path, effect, status, at }) => {
    if (effect === 'reveals') reveals += 1;
    const what = effect === 'reveals' && reveals > 1 ? 'reveals, once more' : effect;
    const answer = status === null || status === undefined ? 'no answer' : `answered ${status}`;
    return { at, what: 'call', text: `${name}: ${method} ${path} (${what}) ${answer}` };
  });
}

function settledText({ state, mode, hidden_at, external_id: id, error }: AttemptFacts): string {
  const failure = errorView.safeParse(error).data;
  const shown = mode === 'schedule' ? 'the network shows it at its time' : 'it is shown';
  const how = state === 'confirmed' && hidden_at !== null ? `, ${shown}` : '';
  const because = failure === undefined ? '' : `: ${failure.message} (${failure.class})`;
  return `is ${state}${id === null ? '' : `: ${id}`}${how}${because}`;
}

const evidence = z.array(
  z.looseObject({
    looked_at: z.string().optional(),
    complete: z.boolean().optional(),
    counts: z.boolean().optional(),
    conclusion: z.string().optional(),
    candidates: z
      .array(
        z.looseObject({
          external_id: z.string(),
          url: z.string().nullish(),
          is_published: z.boolean().optional(),
        }),
      )
      .optional(),
    answered_at: z.string().optional(),
    answer: z.string().optional(),
    external_id: z.string().nullish(),
    dropped_at: z.string().optional(),
    staged: z.array(z.unknown()).optional(),
    hidden: z.array(z.string()).optional(),
    lists: z.unknown().optional(),
  }),
);

function evidenceMoments(attempt: AttemptFacts, name: string): Moment[] {
  return (evidence.safeParse(attempt.evidence).data ?? []).flatMap((entry): Moment[] => {
    if (entry.looked_at !== undefined) {
      // A search says how far it saw each list; else the one post was read.
      const isRead = attempt.hidden_at !== null && entry.lists === undefined;
      const text = `${name}: ${isRead ? readText(entry) : lookText(entry)}`;
      return [{ at: entry.looked_at, what: 'look', text }];
    }
    if (entry.answered_at !== undefined) {
      const id = entry.external_id ? ` (${entry.external_id})` : '';
      const text = `${name}: a person says: ${entry.answer ?? 'nothing'}${id}`;
      return [{ at: entry.answered_at, what: 'person', text }];
    }
    if (entry.dropped_at === undefined) return [];
    return droppedMoment(entry.dropped_at, entry, name);
  });
}

type EvidenceView = z.output<typeof evidence>[number];

function droppedMoment(at: string, { staged, hidden }: EvidenceView, name: string): Moment[] {
  const gone = [
    ...(hidden?.length ? [`the hidden post ${hidden.join(', ')}`] : []),
    ...(staged?.length ? [plural(staged.length, 'staged photo')] : []),
  ].join(' and ');
  const text = `${name}: ${gone === '' ? 'nothing was left to delete' : `${gone} deleted`} on the network`;
  return [{ at, what: 'call', text }];
}

/** A hidden post, asked for by its id: it says itself what became of it. */
function readText({ candidates = [], conclusion }: EvidenceView): string {
  const [seen] = candidates;
  const state = seen?.is_published === true ? 'it is public' : 'it is not public';
  const found = seen === undefined ? 'it is not there' : `${seen.external_id}: ${state}`;
  return `read the hidden post by its id: ${found}${concluded(conclusion, readConclusions)}`;
}

const readConclusions: Readonly<Record<string, string>> = {
  bind: 'it is where it should be',
  found: 'it is where it should be',
  revealed: 'it was shown by a repeated call, and no second one was made',
  refused: 'showing it was refused: it is read again',
  missing: 'perhaps it is too young to be seen: it is read again',
  ask: 'a person is asked',
  approved: 'it is made anew',
  missed: 'it is too late to show it: it is deleted',
  cancelled: 'it was called off: it is deleted',
  found_leftovers_in_use:
    'it was to be deleted and people see it: it is left there, and a person is told',
};

function concluded(
  conclusion: string | undefined,
  texts: Readonly<Record<string, string>>,
): string {
  return conclusion === undefined ? '' : `; ${texts[conclusion] ?? conclusion}`;
}

function lookText({ complete, counts, candidates = [], conclusion }: EvidenceView): string {
  const seen = candidates.map(({ external_id: id, url }) => `${id}${url ? ` ${url}` : ''}`);
  const found = seen.length === 0 ? 'found nothing' : `found ${seen.join(', ')}`;
  const whole = complete === true ? 'looked at the whole account' : 'a look that was not complete';
  const proof = counts === true ? ', which counts as proof of absence' : '';
  return `${whole}: ${found}${proof}${concluded(conclusion, conclusions)}`;
}

const replayResult = z.looseObject({ status: z.string().nullish(), reason: z.string().nullish() });

function replayMoments(replay: ReplayOfPost): Moment[] {
  const { replay_id: id, created_by: by, created_at: at, state, run_at: runAt } = replay;
  const { status, reason } = replayResult.safeParse(replay.result).data ?? {};
  const begun: Moment = {
    at: at.toISOString(),
    what: 'replay',
    text: `${by} chose it for replay ${id}`,
  };
  if (state === 'pending') return [begun];
  const end = `replay ${id.slice(-6)}: ${state}${status ? `, the post became ${status}` : ''}`;
  const text = reason ? `${end}: ${reason}` : end;
  return [begun, { at: runAt.toISOString(), what: 'replay', text }];
}

const conclusions: Readonly<Record<string, string>> = {
  look_again: 'nothing that counts: it is looked for again',
  count: 'it is not there; one look of several',
  bind: 'it is there',
  found: 'it is there',
  ask: 'a person is asked',
  call_off: 'proven absent, and it was called off',
  fail: 'proven absent, and the network refuses it as a duplicate',
  miss: 'proven absent, and too late',
  send_again: 'proven absent: it is sent again',
  duplicate_found: 'it came after all and was sent again: a person is told',
  no_duplicate: 'it did not come after all',
  found_leftovers_in_use: 'its photos are in a post: they are left there, and a person is told',
};
