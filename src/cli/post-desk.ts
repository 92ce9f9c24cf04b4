import { z } from 'zod';
import type { PostDesk } from '../import/desk.ts';
import type { Directory } from '../import/placing.ts';
import { postView } from '../story/views.ts';
import type { Api } from './api.ts';
import { CommandError } from './failure.ts';
import { listIntegrations, listTenants, pickIntegration, pickTenant } from './find.ts';
import type { IntegrationView } from './views.ts';

const fieldProblem = z.object({ path: z.string(), message: z.string(), rule: z.string() });
const verdict = z.looseObject({
  errors: z.array(fieldProblem),
  warnings: z.array(fieldProblem).default([]),
});
const batchAnswer = z.object({
  results: z.array(
    z.looseObject({
      id: z.string().nullish(),
      problem: z
        .looseObject({ detail: z.string(), errors: z.array(fieldProblem).default([]) })
        .nullish(),
    }),
  ),
});

/** The import's way to the posts: the very routes that a calendar would use. */
export function deskOver(api: Api): PostDesk {
  return {
    async findByReference(tenantId, reference) {
      const request = { method: 'GET', path: '/v1/posts', query: { reference }, tenantId } as const;
      return (await api.list(request, postView, 1))[0]?.id;
    },
    async validate(tenantId, body) {
      const path = '/v1/posts/validate';
      try {
        const judged = await api.call({ method: 'POST', path, body, tenantId }, verdict);
        return { isReadable: true, errors: judged.errors, warnings: judged.warnings };
      } catch (error) {
        // A body that cannot be read at all is a problem of the row as well.
        if (!(error instanceof CommandError)) throw error;
        const whole = [{ path: '', rule: error.code, message: error.message }];
        const errors = error.details.length > 0 ? error.details : whole;
        return { isReadable: false, errors, warnings: [] };
      }
    },
    async create(tenantId, bodies) {
      const request = {
        method: 'POST',
        path: '/v1/posts/batch',
        body: { posts: bodies },
        tenantId,
      };
      const { results } = await api.call({ ...request, method: 'POST' }, batchAnswer);
      return results.map(({ id, problem }) => {
        if (typeof id === 'string' && !problem) return { id };
        return {
          problem: { message: problem?.detail ?? 'It was refused.', errors: problem?.errors ?? [] },
        };
      });
    },
  };
}

/** Reads tenants and Pages once each, however many rows name them. */
export function directoryOver(api: Api): Directory {
  const tenants = listTenants(api);
  const pages = new Map<string, Promise<IntegrationView[]>>();
  return {
    findTenant: async (text) => pickTenant(await tenants, text),
    async findIntegration(tenantId, text) {
      const known = pages.get(tenantId) ?? listIntegrations(api, tenantId);
      pages.set(tenantId, known);
      return pickIntegration(await known, text);
    },
    isRefusal: (error) => error instanceof CommandError,
  };
}
