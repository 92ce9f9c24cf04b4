import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface GraphErrorFields {
  readonly code?: number;
  readonly subcode?: number;
  readonly status?: number;
  readonly type?: string;
  readonly transient?: boolean;
  readonly userTitle?: string;
  readonly userMessage?: string;
}

/** An answer in Meta's error envelope; thrown wherever a call is refused, written by the server. */
export class GraphError extends Error {
  override name = 'GraphError';
  readonly fields: GraphErrorFields;
  /** Set where the effect of the call took place before the refusal. */
  readonly afterEffect: boolean;

  constructor(message: string, fields: GraphErrorFields, afterEffect = false) {
    super(message);
    this.fields = fields;
    this.afterEffect = afterEffect;
  }

  get status(): number {
    return this.fields.status ?? 400;
  }

  envelope(traceId: string): object {
    const { code, subcode, type, transient, userTitle, userMessage } = this.fields;
    return {
      error: {
        message: this.message,
        type: type ?? 'OAuthException',
        code,
        ...(subcode === undefined ? {} : { error_subcode: subcode }),
        ...(transient === undefined ? {} : { is_transient: transient }),
        ...(userTitle === undefined ? {} : { error_user_title: userTitle }),
        ...(userMessage === undefined ? {} : { error_user_msg: userMessage }),
        fbtrace_id: traceId,
      },
    };
  }
}

export function invalidParameter(message: string): GraphError {
  return new GraphError(`(#100) ${message}`, { code: 100 });
}

/** The answer for an id that is not there, or not for this token: Meta does not tell the two apart. */
export function unsupportedRequest(method: string, id: string): GraphError {
  return new GraphError(
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api`,
    { code: 100, subcode: 33, type: 'GraphMethodException' },
  );
}

export function unknownPath(path: string): GraphError {
  return new GraphError(`Unknown path components: ${path}`, { code: 2500 });
}

export function permissionDenied(code: number, message: string): GraphError {
  return new GraphError(`(#${code}) ${message}`, { code, status: 403 });
}

export function invalidToken(message: string, subcode?: number, status = 400): GraphError {
  return new GraphError(message, {
    code: 190,
    status,
    ...(subcode === undefined ? {} : { subcode }),
  });
}

/** What a call says, from query, form or JSON alike: strings from the first two, any JSON value from the last. */
export type Params = ReadonlyMap<string, unknown>;

interface FilePart {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

export function textParam(params: Params, name: string): string | undefined {
  const value = params.get(name);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalidParameter(`Param ${name} must be a string.`);
}

export function booleanParam(params: Params, name: string): boolean | undefined {
  const value = textParam(params, name);
  if (value === undefined || value === '') return undefined;
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw invalidParameter(`Param ${name} must be a boolean`);
}

/** A parameter that may be JSON (an object or a list) or, in forms, JSON as a string. */
export function jsonParam(params: Params, name: string): unknown {
  const value = params.get(name);
  if (typeof value !== 'string') return value;
  if (value === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return parsed;
  } catch {
    throw invalidParameter(`Param ${name} must be valid JSON`);
  }
}

export function objectValue(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}

export interface MultipartBody {
  readonly fields: Map<string, string>;
  readonly files: Map<string, FilePart>;
}

/** Splits a multipart/form-data body; parts that cannot be read are left out. */
function parseMultipart(body: Buffer, contentType: string): MultipartBody {
  const fields = new Map<string, string>();
  const files = new Map<string, FilePart>();
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return { fields, files };
  for (const part of partsOf(body, Buffer.from(`--${boundary}`))) addPart(part, fields, files);
  return { fields, files };
}

function partsOf(body: Buffer, mark: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let start = body.indexOf(mark);
  while (start !== -1) {
    const end = body.indexOf(mark, start + mark.length);
    if (end === -1) break;
    // Between the marks: CRLF, the part, CRLF.
    parts.push(body.subarray(start + mark.length + 2, end - 2));
    start = end;
  }
  return parts;
}

function addPart(part: Buffer, fields: Map<string, string>, files: Map<string, FilePart>): void {
  const headEnd = part.indexOf('\r\n\r\n');
  if (headEnd === -1) return;
  const head = part.subarray(0, headEnd).toString('utf8');
  const bytes = part.subarray(headEnd + 4);
  const name = /[; ]name="([^"]*)"/i.exec(head)?.[1];
  if (name === undefined) return;
  const fileName = /filename="([^"]*)"/i.exec(head)?.[1];
  if (fileName === undefined) {
    fields.set(name, bytes.toString('utf8'));
    return;
  }
  const type = /content-type:\s*([^\r\n]+)/i.exec(head)?.[1] ?? 'application/octet-stream';
  files.set(name, { name: fileName, type, bytes });
}

export type TokenPlace = 'header' | 'query' | 'form' | 'json';

/** An id that is written as a number: too long for one of ours, so it goes through JSON under a mark. */
export function bareId(id: string): string {
  return `\0${id}`;
}

export const bareIds = /"\\u0000(\d+)"/g;

/** Meta has several hosts; here each but the first is a prefix of the path. */
const otherHosts = ['instagram-graph', 'instagram-api'] as const;
type GraphHost = 'facebook' | (typeof otherHosts)[number];

/** One call to the Graph API, taken apart. */
export interface Call {
  readonly method: string;
  readonly host: GraphHost;
  readonly path: string;
  /** As asked for; null where the path names none. */
  readonly version: string | null;
  readonly segments: readonly string[];
  readonly params: Params;
  /** What stands in a form body, and there only. */
  readonly form: Params;
  readonly files: ReadonlyMap<string, FilePart>;
  readonly token: string | null;
  readonly tokenPlace: TokenPlace | null;
  readonly body: Buffer;
  readonly traceId: string;
  readonly userAgent: string | null;
}

interface Body {
  readonly fields: ReadonlyMap<string, unknown>;
  readonly files: ReadonlyMap<string, FilePart>;
  readonly place: 'form' | 'json';
}

export function readCall(request: IncomingMessage, body: Buffer): Call {
  const [path, query] = splitUrl(request.url ?? '/');
  const queryParams = new URLSearchParams(query);
  const parsed = readBody(body, request.headers['content-type'] ?? '');
  const params = new Map<string, unknown>(queryParams);
  for (const [name, value] of parsed.fields) params.set(name, value);
  const segments = path.split('/').filter((segment) => segment !== '');
  const host = otherHosts.find((name) => name === segments[0]) ?? 'facebook';
  if (host !== 'facebook') segments.shift();
  const version = /^v\d+\.\d+$/.test(segments[0] ?? '') ? (segments.shift() ?? null) : null;
  const override = params.get('method');
  return {
    method: methodOf(request.method ?? 'GET', override),
    host,
    path,
    version,
    segments: segments.map((segment) => decode(segment)),
    params,
    form: parsed.place === 'form' ? parsed.fields : new Map(),
    files: parsed.files,
    ...tokenOf(request.headers.authorization, queryParams, parsed),
    body,
    traceId: `A${randomBytes(16).toString('base64url')}`,
    userAgent: request.headers['user-agent'] ?? null,
  };
}

export function bodyHash(call: Call): string | null {
  return call.body.length === 0 ? null : createHash('sha256').update(call.body).digest('hex');
}

function splitUrl(url: string): [string, string] {
  const mark = url.indexOf('?');
  return mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

// `POST …?method=delete` is Meta's way out for clients without DELETE.
function methodOf(method: string, override: unknown): string {
  if (method !== 'POST' || typeof override !== 'string') return method;
  const asked = override.toUpperCase();
  return asked === 'DELETE' || asked === 'GET' ? asked : method;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function tokenOf(
  authorization: string | undefined,
  query: URLSearchParams,
  body: Body,
): Pick<Call, 'token' | 'tokenPlace'> {
  const header = /^(?:Bearer|OAuth)\s+(\S+)\s*$/i.exec(authorization ?? '')?.[1];
  if (header !== undefined) return { token: header, tokenPlace: 'header' };
  const inBody = body.fields.get('access_token');
  if (typeof inBody === 'string') return { token: inBody, tokenPlace: body.place };
  const inQuery = query.get('access_token');
  if (inQuery !== null) return { token: inQuery, tokenPlace: 'query' };
  return { token: null, tokenPlace: null };
}

const nothing: Body = { fields: new Map(), files: new Map(), place: 'form' };

function readBody(body: Buffer, contentType: string): Body {
  if (body.length === 0) return nothing;
  if (contentType.includes('multipart/form-data')) {
    return { ...parseMultipart(body, contentType), place: 'form' };
  }
  const text = body.toString('utf8');
  if (contentType.includes('json')) return readJson(text);
  return { ...nothing, fields: new Map(new URLSearchParams(text)) };
}

/** Keys like `attached_media[0]` mean something in forms only: in JSON, Meta drops them without a word. */
function readJson(text: string): Body {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ...nothing, place: 'json' };
  }
  const entries = Object.entries(objectValue(value) ?? {}).filter(([name]) => !name.includes('['));
  return { ...nothing, fields: new Map(entries), place: 'json' };
}

const living = new Set(['v21.0', 'v22.0', 'v23.0', 'v24.0', 'v25.0', 'v26.0']);
const oldest = 'v21.0';

/** The version that serves the call: a dead or absent one is quietly served as the oldest still living. */
export function servedVersion(asked: string | null): string {
  if (asked === null) return oldest;
  return living.has(asked) ? asked : oldest;
}

/** A version that has not appeared yet is an unknown path. */
export function checkVersion(asked: string | null): void {
  if (asked !== null && Number(asked.slice(1)) > 26) throw unknownPath(`/${asked}`);
}
