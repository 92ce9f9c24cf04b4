import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Secret } from '../secret.ts';
import { callView, errorView } from '../story/views.ts';
import { CommandError } from './failure.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  /** Whom the operator acts for. */
  readonly tenantId?: string;
}

/**
 * The API without its port: the operator's commands go through the same checks, rules and answers as everybody
 * else's requests, and there is one place that knows them.
 */
export interface ApiClient {
  /** Throws CommandError with what the problem document says. */
  call<T>(request: ApiRequest, answer: z.ZodType<T>): Promise<T>;
  /** Every page of a list, one after the other, as far as `limit`. */
  list<T>(request: ApiRequest, item: z.ZodType<T>, limit?: number): Promise<T[]>;
}

const problemSchema = z.object({
  code: z.string(),
  detail: z.string(),
  errors: z
    .array(z.object({ path: z.string(), message: z.string(), rule: z.string() }))
    .default([]),
});

const largestPage = 200;

export function createClient(app: FastifyInstance, token: Secret): ApiClient {
  const ask = async (request: ApiRequest): Promise<unknown> => {
    const answer = await app.inject({
      method: request.method,
      url: request.path,
      query: withoutUndefined(request.query ?? {}),
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        ...(request.tenantId === undefined ? {} : { 'tenant-id': request.tenantId }),
      },
      ...(request.body === undefined ? {} : { payload: request.body }),
    });
    const body: unknown = answer.body === '' ? undefined : answer.json();
    if (answer.statusCode < 400) return body;
    const problem = problemSchema.parse(body);
    throw new CommandError(problem.code, problem.detail, problem.errors);
  };
  return {
    call: async (request, answer) => answer.parse(await ask(request)),
    async list(request, item, limit = Number.POSITIVE_INFINITY) {
      const page = z.object({ data: z.array(item), next_cursor: z.string().nullable() });
      const found: z.output<typeof item>[] = [];
      let cursor: string | undefined;
      do {
        const size = Math.min(largestPage, limit - found.length);
        const query = { ...request.query, limit: String(size), cursor };
        const { data, next_cursor } = page.parse(await ask({ ...request, query }));
        found.push(...data);
        cursor = next_cursor ?? undefined;
      } while (cursor !== undefined && found.length < limit);
      return found;
    },
  };
}

function withoutUndefined(query: Readonly<Record<string, string | undefined>>) {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given[name] = value;
  return given;
}

// What the commands read of the API's answers; `--json` prints the whole of them, hence loose.

export const tenantView = z.looseObject({
  id: z.string(),
  name: z.string(),
  timezone: z.string(),
  auto_publish: z.boolean(),
  late_limit_s: z.number(),
  when_unknown: z.string(),
  reference: z.string().nullable(),
  contact_email: z.string().nullish(),
});
export type TenantView = z.output<typeof tenantView>;

export const integrationView = z.looseObject({
  id: z.string(),
  provider: z.string(),
  external_account_id: z.string(),
  name: z.string().nullish(),
  status: z.string(),
  token_expires_at: z.string().nullable(),
  data_access_expires_at: z.string().nullable(),
  missing_scopes: z.array(z.string()).nullable(),
});
export type IntegrationView = z.output<typeof integrationView>;

export const attemptView = z.looseObject({
  id: z.string(),
  state: z.string(),
  started_at: z.string(),
  sent_at: z.string().nullish(),
  settled_at: z.string().nullish(),
  external_id: z.string().nullish(),
  error: errorView.nullish(),
  calls: z.array(callView),
});
