import { z } from 'zod';
import type { AttemptFacts, PostEvent, ReplayOfPost } from './store.ts';
import { shortTime } from './time.ts';
import { attentionView, callView, errorView, waitingView } from './views.ts';
import { nameOfActor, plural } from './words.ts';

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
  const { started_at: startedAt, sent_at: sentAt, settled_at: settledAt, mode, run } = attempt;
  const moments: Moment[] = [];
  const made = calls.safeParse(attempt.calls).data ?? [];
  const sentMs = sentAt?.getTime() ?? Infinity;
  // Where nothing comes before the visible call, preparing and committing are one.
  const isOneStep = sentAt !== null && made.every(({ at }) => Date.parse(at) >= sentMs);
  if (!isOneStep) {
    const text = `${name} (${mode}, run ${run}) prepared: its calls are set aside`;
    moments.push({ at: startedAt.toISOString(), what: 'attempt', text });
  }
  if (sentAt !== null) {
    const until = attempt.owned_until;
    const owned = until === null ? '' : `; its worker has until ${shortTime(until.toISOString())}`;
    const text = `${name} (${mode}, run ${run}) committed as sent: the one visible call may go out${owned}`;
    moments.push({ at: sentAt.toISOString(), what: 'attempt', text });
  }
  for (const { method, path, effect, status, at } of made) {
    const answer = status === null || status === undefined ? 'no answer' : `answered ${status}`;
    moments.push({ at, what: 'call', text: `${name}: ${method} ${path} (${effect}) ${answer}` });
  }
  moments.push(...evidenceMoments(attempt, name));
  if (settledAt !== null) moments.push(settledMoment(attempt, name, settledAt));
  return moments;
}

function settledMoment(attempt: AttemptFacts, name: string, at: Date): Moment {
  const error = errorView.safeParse(attempt.error).data;
  const result = attempt.external_id === null ? '' : `: ${attempt.external_id}`;
  const because = error === undefined ? '' : `: ${error.message} (${error.class})`;
  const text = `${name} is ${attempt.state}${result}${because}`;
  return { at: at.toISOString(), what: 'attempt', text };
}

const evidence = z.array(
  z.looseObject({
    looked_at: z.string().optional(),
    complete: z.boolean().optional(),
    counts: z.boolean().optional(),
    conclusion: z.string().optional(),
    candidates: z
      .array(z.looseObject({ external_id: z.string(), url: z.string().nullish() }))
      .optional(),
    answered_at: z.string().optional(),
    answer: z.string().optional(),
    external_id: z.string().nullish(),
    dropped_at: z.string().optional(),
    staged: z.array(z.unknown()).optional(),
  }),
);

function evidenceMoments(attempt: AttemptFacts, name: string): Moment[] {
  return (evidence.safeParse(attempt.evidence).data ?? []).flatMap((entry): Moment[] => {
    if (entry.looked_at !== undefined) {
      return [{ at: entry.looked_at, what: 'look', text: `${name}: ${lookText(entry)}` }];
    }
    if (entry.answered_at !== undefined) {
      const id = entry.external_id ? ` (${entry.external_id})` : '';
      const text = `${name}: a person says: ${entry.answer ?? 'nothing'}${id}`;
      return [{ at: entry.answered_at, what: 'person', text }];
    }
    if (entry.dropped_at === undefined) return [];
    const text = `${name}: ${plural(entry.staged?.length ?? 0, 'staged photo')} deleted on the network`;
    return [{ at: entry.dropped_at, what: 'call', text }];
  });
}

function lookText({
  complete,
  counts,
  candidates = [],
  conclusion,
}: z.output<typeof evidence>[number]): string {
  const seen = candidates.map(({ external_id: id, url }) => `${id}${url ? ` ${url}` : ''}`);
  const found = seen.length === 0 ? 'found nothing' : `found ${seen.join(', ')}`;
  const whole = complete === true ? 'looked at the whole account' : 'a look that was not complete';
  const proof = counts === true ? ', which counts as proof of absence' : '';
  return `${whole}: ${found}${proof}${conclusion === undefined ? '' : `; ${conclusions[conclusion] ?? conclusion}`}`;
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
};
