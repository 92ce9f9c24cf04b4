import { z } from 'zod';
import type { PostEvent } from './ledger/store.ts';
import type { Style } from './style.ts';
import { oneLine } from './table.ts';
import { type AttemptView, attentionView, errorView, waitingView } from './views.ts';

export interface Moment {
  readonly at: string;
  readonly text: string;
}

const eventData = z.looseObject({
  waiting: waitingView.nullish(),
  error: errorView.nullish(),
  attention: attentionView.nullish(),
  change: z.looseObject({ kind: z.string(), error: errorView.nullish().catch(null) }).nullish(),
  external_id: z.string().nullish(),
  scheduled_at: z.string().nullish(),
});

/** What happened, in order: changes of status, attempts, and every call to the network between them. */
export function storyOf(
  attempts: readonly AttemptView[],
  events: readonly PostEvent[],
): readonly Moment[] {
  const moments = [...events.map(momentOf), ...attempts.flatMap(momentsOf)];
  return moments.toSorted((one, other) => one.at.localeCompare(other.at));
}

export function writeStory(moments: readonly Moment[], style: Style): string {
  return moments
    .map(({ at, text }) => `${style.dim(at.slice(0, 23).replace('T', ' '))}  ${oneLine(text)}\n`)
    .join('');
}

function momentOf({ at, type, from_status, to_status, version, data }: PostEvent): Moment {
  const parsed = eventData.safeParse(data);
  const { waiting, error, attention, change, external_id, scheduled_at } = parsed.data ?? {};
  const because = [
    ...(change ? [change.error ? `${change.kind}: ${change.error.message}` : change.kind] : []),
    ...(scheduled_at ? [`to ${scheduled_at}`] : []),
    ...(external_id ? [`external id ${external_id}`] : []),
    ...(waiting ? [`waits: ${waiting.text}`] : []),
    ...(error ? [`${error.class}: ${error.message}; ${error.who}: ${error.action}`] : []),
    ...(attention ? [`a person is asked: ${attention.text}`] : []),
  ].join('; ');
  const step = from_status === to_status ? stayed(type) : `${from_status} → ${to_status}`;
  const what = from_status === null ? `created as ${to_status}` : step;
  const detail = because === '' ? '' : `; ${because}`;
  return { at: at.toISOString(), text: `${what} (version ${version})${detail}` };
}

/** What came to pass without a new status: `change done`, `rescheduled`. */
function stayed(type: string): string {
  return type.replace('post.', '').replaceAll('_', ' ');
}

function momentsOf(attempt: AttemptView): Moment[] {
  const name = `attempt ${attempt.id.slice(-6)}`;
  const moments: Moment[] = [{ at: attempt.started_at, text: `${name} prepared` }];
  if (attempt.sent_at) {
    moments.push({
      at: attempt.sent_at,
      text: `${name} committed as sent: the visible call may go out`,
    });
  }
  for (const { method, path, effect, status, at } of attempt.calls) {
    const answer = status === null || status === undefined ? 'no answer' : `answered ${status}`;
    moments.push({ at, text: `${name}: ${method} ${path} (${effect}) ${answer}` });
  }
  if (attempt.settled_at) {
    const result = attempt.external_id ? `: ${attempt.external_id}` : '';
    const error = attempt.error ? `: ${attempt.error.message}` : '';
    moments.push({ at: attempt.settled_at, text: `${name} ${attempt.state}${result}${error}` });
  }
  return moments;
}
