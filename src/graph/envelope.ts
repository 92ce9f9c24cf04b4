import { z } from 'zod';

/** What any of Meta's forms of an error says, in one shape. */
export interface GraphError {
  readonly code: number | null;
  readonly subcode: number | null;
  readonly type: string | null;
  readonly message: string;
  /** Meta's words for the end user, where it gave some. */
  readonly userMessage: string | null;
  readonly isTransient: boolean;
  /** Of an upload: whether Meta says that it may be tried again. */
  readonly retriable: boolean | null;
  /** The HTTP status that the body itself names, as some flat forms do. */
  readonly statusInBody: number | null;
  readonly fbtraceId: string | null;
}

const number = z
  .union([
    z.number().int(),
    z
      .string()
      .regex(/^\s*-?\d{1,15}\s*$/)
      .transform(Number),
  ])
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);
const text = z
  .string()
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')]);
const maybeFlag = flag
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);

const envelope = z.looseObject({
  message: text,
  type: text,
  code: number,
  error_subcode: number,
  subcode: number,
  is_transient: maybeFlag,
  error_user_title: text,
  error_user_msg: text,
  fbtrace_id: text,
});
const flat = z.looseObject({
  error_type: text,
  error_message: text,
  error_msg: text,
  error_description: text,
  error_code: number,
  error_subcode: number,
  code: number,
  fbtrace_id: text,
});
const upload = z.looseObject({ type: text, message: text, retriable: maybeFlag });
const record = z.record(z.string(), z.unknown());

/** The error in an answer's body, in whichever form; null when the body holds none. */
export function readGraphError(body: unknown, status: number): GraphError | null {
  const fields = record.safeParse(body).data;
  if (fields === undefined) return null;
  return (
    readEnvelope(fields['error']) ??
    readOAuthText(fields) ??
    readUpload(fields['debug_info']) ??
    readFlat(fields) ??
    readFlat(record.safeParse(fields['meta']).data) ??
    readList(fields['errors']) ??
    (status >= 400 ? readBare(fields) : null)
  );
}

/** `{"error": {…}}`, the form of nearly all. */
function readEnvelope(value: unknown): GraphError | null {
  const found = envelope.safeParse(value).data;
  if (found === undefined) return null;
  const { error_user_title: title, error_user_msg: words } = found;
  return build({
    code: found.code,
    subcode: found.error_subcode ?? found.subcode,
    type: found.type,
    message: found.message ?? '',
    userMessage: title !== null && words !== null ? `${title}: ${words}` : (words ?? title),
    isTransient: found.is_transient ?? false,
    fbtraceId: found.fbtrace_id,
  });
}

/** `{"error": "invalid_request", "error_description": "…"}`, OAuth's own form. */
function readOAuthText(fields: Record<string, unknown>): GraphError | null {
  const error = fields['error'];
  if (typeof error !== 'string' || error === '') return null;
  const { error_description: description, error_code: code } = flat.parse(fields);
  return build({ code, type: error, message: description ?? error });
}

/** `{"debug_info": {"retriable", "type", "message"}}` of the upload host. */
function readUpload(value: unknown): GraphError | null {
  const found = upload.safeParse(value).data;
  if (found === undefined) return null;
  const { type, message, retriable } = found;
  // These two say where to go on, so going on is the answer even where the flag is missing.
  const resumable = type === 'OffsetInvalidError' || type === 'PartialRequestError';
  return build({ type, message: message ?? type ?? '', retriable: retriable ?? resumable });
}

/** `{"error_type", "code", "error_message"}` of Instagram's OAuth, `{"error_code", "error_msg"}` of old. */
function readFlat(fields: Record<string, unknown> | undefined): GraphError | null {
  const found = flat.safeParse(fields).data;
  if (found === undefined) return null;
  const message = found.error_message ?? found.error_msg;
  if (found.error_type === null && message === null && found.error_code === null) return null;
  const given = found.error_code ?? found.code;
  // `"code": 400` there is the HTTP status and no code of Graph's.
  const isStatus = found.error_code === null && given !== null && given >= 400 && given <= 599;
  return build({
    code: isStatus ? null : given,
    subcode: found.error_subcode,
    type: found.error_type,
    message: message ?? '',
    statusInBody: isStatus ? given : null,
    fbtraceId: found.fbtrace_id,
  });
}

function readList(value: unknown): GraphError | null {
  return Array.isArray(value) && value.length > 0 ? readEnvelope(value[0]) : null;
}

/** The inside of the envelope without the envelope; only an error status makes it one. */
function readBare(fields: Record<string, unknown>): GraphError | null {
  const found = readEnvelope(fields);
  if (found === null) return null;
  const says = found.message !== '' && (found.code !== null || found.type !== null);
  return says ? found : null;
}

function build(found: Partial<GraphError> & { message: string }): GraphError {
  return {
    code: found.code ?? codeInMessage(found.message),
    subcode: found.subcode ?? null,
    type: found.type ?? null,
    message: found.message,
    userMessage: found.userMessage ?? null,
    isTransient: found.isTransient ?? false,
    retriable: found.retriable ?? null,
    statusInBody: found.statusInBody ?? null,
    fbtraceId: found.fbtraceId ?? null,
  };
}

/** Without a `code` the message's own prefix counts: `(#324) Missing or invalid image file`. */
function codeInMessage(message: string): number | null {
  const digits = /^\s*\(#(-?\d{1,9})\)/.exec(message)?.[1];
  return digits === undefined ? null : Number(digits);
}
