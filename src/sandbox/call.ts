import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { unknownPath } from './graph-error.ts';
import { parseMultipart } from './multipart.ts';
import { type FilePart, objectValue, type Params } from './params.ts';

export type TokenPlace = 'header' | 'query' | 'form' | 'json';

/** One call to the Graph API, taken apart. */
export interface Call {
  readonly method: string;
  readonly path: string;
  /** As asked for; null where the path names none. */
  readonly version: string | null;
  readonly segments: readonly string[];
  readonly params: Params;
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
  const version = /^v\d+\.\d+$/.test(segments[0] ?? '') ? (segments.shift() ?? null) : null;
  const override = params.get('method');
  return {
    method: methodOf(request.method ?? 'GET', override),
    path,
    version,
    segments: segments.map((segment) => decode(segment)),
    params,
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
