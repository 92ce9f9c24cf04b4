import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { Logger } from '../log.ts';
import type { Services } from '../services.ts';
import type { Access, Admitted, Visit } from './access.ts';
import type { IdSource } from './ids.ts';
import { parseInput } from './input.ts';
import type { Tag } from './tags.ts';

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
> = CallContext & Admitted<TenantId> & z.output<z.ZodObject<Schemas>>;

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
export interface Entered extends Admitted<string | undefined> {
  /** Throws InvalidRequestError. */
  prepare(raw: RawInput): PreparedCall;
}

export type PreparedCall = (context: CallContext) => Promise<Answer>;

/** A route of any types, as the server and the OpenAPI document see it. */
export interface Route extends RouteText {
  readonly access: Access<string | undefined>['name'];
  readonly input: InputSchemas;
  /** Judges who is asking, before anything of the body is read. Throws ApiError. */
  enter(services: Services, visit: Omit<Visit, 'writes'>): Promise<Entered>;
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
