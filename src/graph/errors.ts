import {
  type ErrorClass,
  type ErrorRecord,
  type ErrorScope,
  PublishError,
  scopeOf,
} from '../errors.ts';
import { maskSecrets } from '../mask.ts';
import type { Effect } from '../providers/content.ts';
import { type ErrorLine, findLine, generalErrors } from './codes.ts';
import { type GraphError, readGraphError } from './envelope.ts';
import type { Usage } from './usage.ts';

/** An answer that came, whatever it is. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Of the header `x-fb-trace-id`; the body's own goes first. */
  readonly fbtraceId?: string | null;
  readonly usage?: Usage | null;
}

/** No answer, or not a whole one. */
export interface Failure {
  /** False only when the connection was never made, so that nothing of the call left this machine. */
  readonly reached: boolean;
  readonly reason: string;
}

/** What of a call, beside its effect, tells what an error means. */
export interface CallFacts {
  /** It was made on the account itself, and not on one of its posts. */
  readonly isOnAccount?: boolean;
  /** It carried the proof of the app's secret. */
  readonly hasProof?: boolean;
}

export interface Refused {
  readonly ok: false;
  readonly record: ErrorRecord;
  readonly scope: ErrorScope;
  /** The call had no effect: it never left, or the answer is one that Meta gives before it does anything. */
  readonly isProven: boolean;
  /** Of a rate limit only. */
  readonly retryAfterMs?: number;
}

export type Verdict = { readonly ok: true; readonly body: unknown } | Refused;

const defaultWaitMs = 300_000;
const longestMessage = 500;

/** Classes where the same post may succeed later without anybody doing something. */
const retryableClasses: ReadonlySet<ErrorClass> = new Set(['retry', 'rate_limited', 'not_ready']);

/**
 * What an answer, or its absence, means for a call of this effect. Pure, and the only place that
 * decides it: subcode before code, code before HTTP status, never the text of a message.
 */
export function judge(effect: Effect, seen: Failure, at: Date, facts?: CallFacts): Refused;
export function judge(effect: Effect, seen: Answer | Failure, at: Date, facts?: CallFacts): Verdict;
export function judge(
  effect: Effect,
  seen: Answer | Failure,
  at: Date,
  facts: CallFacts = {},
): Verdict {
  if (!('status' in seen)) return refuse(judgeFailure(effect, seen), at);
  const body = parseBody(seen.text);
  const error = readGraphError(body, seen.status);
  if (error !== null) {
    const line = lineFor(error, seen.status, facts);
    return refuse(judgeError(effect, seen, { error, line, body }), at);
  }
  if (isSuccess(effect, seen.status, body)) return { ok: true, body };
  return refuse(judgeUnreadable(effect, seen), at);
}

/** A 2xx answer whose body is not what the call asked for. */
export function judgeUnexpectedBody(effect: Effect, answer: Answer, at: Date): Refused {
  return refuse(judgeUnreadable(effect, answer), at);
}

/** A token that cannot even be sent: no call is made. */
export function judgeMalformedToken(at: Date): Refused {
  const message = 'The access token is empty or has characters that no token has';
  return refuse({ line: generalErrors.malformedToken, message, proves: true }, at);
}

/**
 * The error that an answer holds about something else than the call: what debug_token says of a dead token, whose own
 * answer is as it should be. Null: none that can be read.
 */
export function recordOfInner(error: unknown, at: Date): ErrorRecord | null {
  const found = readGraphError({ error }, 400);
  if (found === null) return null;
  const line = lineFor(found, 400, {});
  return toRecord({ line, message: describeError(found, 400), error: found }, at);
}

/** A refusal that we find out ourselves from what Meta tells. */
export function refusalOf(line: ErrorLine, message: string): PublishError {
  const { record, scope } = refuse({ line, message }, new Date());
  return new PublishError(record, { scope });
}

/** What a verdict is made of, before it becomes a record. */
interface Judgement {
  readonly line: ErrorLine;
  readonly message: string;
  readonly error?: GraphError;
  readonly answer?: Answer;
  readonly proves?: boolean;
}

function judgeFailure(effect: Effect, failure: Failure): Judgement {
  const message = failure.reason;
  if (!failure.reached) return { line: generalErrors.unreachable, message, proves: true };
  return { line: unlessVisible(effect, generalErrors.noAnswer), message };
}

function judgeUnreadable(effect: Effect, answer: Answer): Judgement {
  const isLimit = answer.status === 429;
  const line = isLimit ? generalErrors.limited : generalErrors.unreadable;
  return { line: unlessVisible(effect, line), message: describeUnreadable(answer), answer };
}

function judgeError(
  effect: Effect,
  answer: Answer,
  { error, line, body }: { error: GraphError; line: ErrorLine; body: unknown },
): Judgement {
  const message = describeError(error, answer.status);
  const proves = line.rejects === true && answer.status < 500 && !hasId(body);
  const final = proves ? line : unlessVisible(effect, line);
  return { line: final, message, error, answer, proves };
}

/** On a visible call whatever does not prove the rejection leaves the outcome open. */
function unlessVisible(effect: Effect, line: ErrorLine): ErrorLine {
  if (effect !== 'publishes') return line;
  // What else it says still holds: an outage is one, whatever became of this call.
  return {
    ...generalErrors.unknownOutcome,
    scope: line.scope === 'provider' ? 'provider' : 'post',
  };
}

function lineFor(error: GraphError, status: number, facts: CallFacts): ErrorLine {
  const line = lineOf(error, status, facts.isOnAccount ?? false);
  const isTheirs = line.needsProof === true && facts.hasProof !== true;
  return isTheirs ? { ...line, scope: 'account' } : line;
}

/** Graph-api 4.3, steps 2 to 5. */
function lineOf(error: GraphError, httpStatus: number, isOnAccount: boolean): ErrorLine {
  const status = error.statusInBody ?? httpStatus;
  const { subcode, type } = error;
  const found = findLine({ code: codeOf(error, status), subcode, type, isOnAccount });
  const isTransient = error.isTransient || status >= 500;
  if (found === null) return isTransient ? generalErrors.transient : lineWithoutCode(error, status);
  // A permanent verdict from the code alone yields to Meta's saying that it passes.
  const yields = isTransient && !found.isExact && found.line.class === 'invalid';
  return yields ? generalErrors.transient : found.line;
}

function codeOf(error: GraphError, status: number): number | null {
  if (error.code !== null) return error.code;
  const isAuth = error.type === 'OAuthException' && (status === 400 || status === 401);
  return isAuth ? 190 : null;
}

function lineWithoutCode(error: GraphError, status: number): ErrorLine {
  if (error.retriable !== null) {
    return error.retriable ? generalErrors.uploadAgain : generalErrors.upload;
  }
  if (error.code !== null) return generalErrors.unlisted;
  if (status === 429) return generalErrors.limited;
  if (status === 401) return generalErrors.unauthorized;
  if (status === 403) return generalErrors.forbidden;
  return status < 400 ? generalErrors.unreadable : generalErrors.unlisted;
}

/** A call that makes or changes something must say so; a read is whole when it is JSON. */
function isSuccess(effect: Effect, status: number, body: unknown): boolean {
  if (status < 200 || status > 299) return false;
  switch (effect) {
    case 'reads':
    case 'stages':
      return typeof body === 'object' && body !== null;
    case 'publishes':
      return hasId(body) || isDone(body);
    case 'reveals':
    case 'changes':
      return hasId(body) || isDone(body) || body === true;
  }
}

function hasId(body: unknown): boolean {
  return [field(body, 'id'), field(body, 'post_id')].some(
    (id) => (typeof id === 'string' && id !== '') || typeof id === 'number',
  );
}

function isDone(body: unknown): boolean {
  const success = field(body, 'success');
  return success === true || success === 'true';
}

function field(body: unknown, name: 'id' | 'post_id' | 'success'): unknown {
  if (typeof body !== 'object' || body === null || !(name in body)) return undefined;
  return Object.getOwnPropertyDescriptor(body, name)?.value;
}

function refuse(judgement: Judgement, at: Date): Refused {
  const record = toRecord(judgement, at);
  const { line, answer } = judgement;
  const scope = line.scope ?? scopeOf(line.class);
  const isProven = judgement.proves === true;
  if (record.class !== 'rate_limited') return { ok: false, record, scope, isProven };
  const retryAfterMs = answer?.usage?.regainMs ?? line.waitMs ?? defaultWaitMs;
  return { ok: false, record, scope, isProven, retryAfterMs };
}

function toRecord({ line, message, error, answer }: Judgement, at: Date): ErrorRecord {
  return {
    class: line.class,
    key: line.key,
    provider_code: error?.code ?? null,
    provider_subcode: error?.subcode ?? null,
    message: tidy(message),
    user_message: line.user_message,
    action: line.action,
    who: line.who,
    retryable: retryableClasses.has(line.class),
    fbtrace_id: traceOf(error?.fbtraceId ?? answer?.fbtraceId ?? null),
    at: at.toISOString(),
  };
}

function describeError(error: GraphError, status: number): string {
  const said =
    error.message === '' ? `HTTP ${status} with an error without a message` : error.message;
  const { userMessage } = error;
  return userMessage === null || userMessage === said ? said : `${said} (${userMessage})`;
}

function describeUnreadable({ status, text }: Answer): string {
  if (text.trim() === '') return `HTTP ${status} with an empty body`;
  const start = text.trimStart().slice(0, 200);
  return `HTTP ${status} with a body that is not the expected JSON: ${start}`;
}

/** Masked before it is cut, as half a token is not recognised as one. PostgreSQL takes no NUL. */
function tidy(message: string): string {
  const visible = maskSecrets(message)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return visible.slice(0, longestMessage).toWellFormed();
}

function traceOf(id: string | null): string | null {
  return id !== null && /^[\w+/=-]{1,100}$/.test(id) ? id : null;
}

/** Numbers of 16 digits and more: ids that a JavaScript number would change. */
const longNumber = /[:[,]\s*-?\d{16,}\s*[,\]}]/;

/**
 * Graph's JSON, whatever the content type said; `undefined` when it is none. Ids have come as bare
 * numbers (restfb#918), and 17 digits do not fit a number, so such ones become text.
 */
function parseBody(text: string): unknown {
  try {
    if (!longNumber.test(text)) return JSON.parse(text);
    return JSON.parse(text.replace(/("(?:[^"\\]|\\.)*")|(-?\d{16,})(?=\s*[,\]}])/g, quoteNumber));
  } catch {
    return undefined;
  }
}

function quoteNumber(_all: string, text: string | undefined, digits: string | undefined): string {
  return text ?? `"${digits ?? ''}"`;
}
