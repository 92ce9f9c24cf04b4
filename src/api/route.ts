import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { Logger } from '../log.ts';
import type { Services } from '../services.ts';
import type { Access, Authorized, AuthRequest } from './auth.ts';
import { parseInput } from './input.ts';

/** The parts of a request that a route reads; a part it does not name must be empty. */
export type InputSchemas = z.core.$ZodShape & {
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
};

export interface ResponseSpec {
  readonly description: string;
  /** None: the answer has no body. */
  readonly body?: z.ZodType;
  /** A body that is not JSON, such as `text/html`. */
  readonly contentType?: string;
  /** People who ask with a browser get a page instead of the body. */
  readonly page?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a handler answers. `body` is sent as JSON; a string goes out as it is, with its content type. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What every handler is given beside the parsed parts of the request. */
export interface CallContext {
  readonly headers: IncomingHttpHeaders;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly log: Logger;
  /**
   * A UUIDv7 for a row that this request creates. With an Idempotency-Key it is the same for the same key and `part`, so
   * that the repetition of a request that crashed half-way finds its own row; without one it is new each time.
   */
  readonly idempotentId: IdSource;
}

export type RouteRequest<
  Schemas extends InputSchemas,
  TenantId extends string | undefined,
> = CallContext & Authorized<TenantId> & z.output<z.ZodObject<Schemas>>;

interface RouteText {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** As OpenAPI writes it: `/v1/posts/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly responses: Readonly<Record<number, ResponseSpec>>;
  /** Codes of `problemKinds` that this route can answer beyond those that every route can. */
  readonly problems?: readonly string[];
  readonly bodyLimitBytes?: number;
  /** The body comes as an HTML form sends it, and in no other way. */
  readonly takesForm?: boolean;
  /** Whoever comes with signatures that are wrong is stopped as with wrong keys: each is tried with many secrets. */
  readonly isSigned?: boolean;
  /** The answer holds a secret: kept for a repetition only in sealed form. */
  readonly secretAnswer?: boolean;
  /** Whether the call changes anything; by default every method but GET does. */
  readonly writes?: boolean;
}

export interface RouteSpec<Schemas extends InputSchemas, TenantId extends string | undefined>
  extends RouteText {
  readonly auth: Access<TenantId>;
  readonly input: Schemas;
  readonly handler: (
    request: RouteRequest<Schemas, TenantId>,
    services: Services,
  ) => Promise<Answer>;
}

export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** Somebody was let in; the request is parsed next, and then run. */
export interface Entered extends Authorized<string | undefined> {
  /** Throws InvalidRequestError. */
  prepare(raw: RawInput): PreparedCall;
}

export type PreparedCall = (context: CallContext) => Promise<Answer>;

/** A route of any types, as the server and the OpenAPI document see it. */
export interface Route extends RouteText {
  readonly access: Access<string | undefined>['name'];
  readonly input: InputSchemas;
  /** Judges who is asking, before anything of the body is read. Throws ApiError. */
  enter(services: Services, visit: Omit<AuthRequest, 'writes'>): Promise<Entered>;
}

/** Binds schemas, access and code together, so that a handler reading what was not parsed does not compile. */
export function defineRoute<
  const Schemas extends InputSchemas,
  TenantId extends string | undefined,
>(spec: RouteSpec<Schemas, TenantId>): Route {
  const { auth, handler, ...text } = spec;
  const schema = z.object(spec.input);
  const writes = spec.writes ?? spec.method !== 'GET';
  return {
    ...text,
    access: auth.name,
    async enter(services, visit) {
      const admitted = await auth.admit(services, { ...visit, writes });
      return {
        ...admitted,
        prepare(raw) {
          const parsed = parseInput(schema, raw);
          return (context) => handler(Object.assign({ ...context, ...admitted }, parsed), services);
        },
      };
    },
  };
}

/** Makes the ids of rows that a request creates; see `CallContext.idempotentId`. */
export type IdSource = (part?: string) => string;

export const freshIds: IdSource = () => uuidV7(new Date(), randomBytes(16));

/** The same ids for the same request, however often it is run: the time it first came, the rest from its key and `part`. */
export function repeatableIds(request: {
  readonly scope: string;
  readonly key: string;
  readonly since: Date;
}): IdSource {
  return (part = '') => {
    const name = JSON.stringify(['idempotent id', request.scope, request.key, part]);
    return uuidV7(request.since, createHash('sha256').update(name).digest().subarray(0, 16));
  };
}

/** Beginning with the time, as the database's own ids do: lists are ordered by them. */
function uuidV7(at: Date, rest: Buffer): string {
  const bytes = Buffer.from(rest);
  bytes.writeUIntBE(at.getTime(), 0, 6);
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x70;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The groups of the documentation, in its order. */
export const tags = {
  Tenants: 'The customers of the operator, and what holds for all of their posts.',
  'API keys': 'What a tenant, a calendar of many tenants, or a reader identifies itself with.',
  Integrations: "A tenant's connections to accounts on the networks, with their tokens.",
  Connecting:
    "Accounts by a person's consent in the network's own dialog, and the apps they consent to.",
  "Meta's callbacks": 'What Meta tells of people who take their consent back.',
  Posts: 'Write, check, approve, follow, change and cancel posts.',
  Events: 'The history of all posts, as one list to follow.',
  Pauses: 'Hold back what a pause names, until it is lifted.',
  Replays: 'Retry many posts after an outage, or say first what that would do.',
  Operations: 'Is the program alive, how is its pipeline, and may it send?',
  Documentation: 'These pages, and the document that clients are generated from.',
} as const;
type Tag = keyof typeof tags;
