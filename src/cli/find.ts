import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { DatabaseConfig } from '../config/config.ts';
import type { Directory, PostDesk } from '../import/import.ts';
import { pathFromHere, postView, shellWord } from '../story/views.ts';
import {
  type ApiClient,
  type IntegrationView,
  integrationView,
  type TenantView,
  tenantView,
} from './api.ts';
import { CommandError } from './failure.ts';

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function listTenants(api: ApiClient): Promise<TenantView[]> {
  return api.list({ method: 'GET', path: '/v1/tenants' }, tenantView);
}

export function listIntegrations(api: ApiClient, tenantId: string): Promise<IntegrationView[]> {
  return api.list({ method: 'GET', path: '/v1/integrations', tenantId }, integrationView);
}

/** People know their tenants by name, scripts by reference or id. */
export async function findTenant(api: ApiClient, text: string): Promise<TenantView> {
  if (idPattern.test(text)) {
    return api.call({ method: 'GET', path: `/v1/tenants/${text}` }, tenantView);
  }
  return pickTenant(await listTenants(api), text);
}

/** Throws CommandError when none or several fit. */
function pickTenant(tenants: readonly TenantView[], text: string): TenantView {
  const byKey = tenants.find(
    ({ id, reference }) => id === text.toLowerCase() || reference === text,
  );
  if (byKey !== undefined) return byKey;
  return pickOne(
    tenants.filter(({ name }) => name === text),
    'tenant',
    text,
  );
}

/** A Page by its id at the network, its name, or the id of its integration. */
export function pickIntegration(
  integrations: readonly IntegrationView[],
  text: string,
): IntegrationView {
  const byKey = integrations.find(
    ({ id, external_account_id }) => id === text.toLowerCase() || external_account_id === text,
  );
  if (byKey !== undefined) return byKey;
  return pickOne(
    integrations.filter(({ name }) => name === text),
    'page',
    text,
  );
}

function pickOne<T extends { readonly id: string }>(
  found: readonly T[],
  kind: string,
  text: string,
): T {
  const [first, second] = found;
  if (first === undefined) throw new CommandError('not_found', `There is no ${kind} "${text}".`);
  if (second === undefined) return first;
  const ids = found.map(({ id }) => id).join(', ');
  throw new CommandError('ambiguous', `Several ${kind}s are called "${text}": use an id (${ids}).`);
}

interface Here {
  readonly database: Pick<DatabaseConfig, 'kind'>;
  readonly dataDir: string;
}

export function noTenantsText(here: Here): string {
  return `There are no tenants: \`npm run cli -- tenant create NAME\` makes one.${demoText(here)}`;
}

export function noPostText(id: string, here: Here): string {
  return `There is no post ${id}.${demoText(here)}`;
}

/** Who has just seen the demo looks for what is in it, and that is in another database. */
function demoText({ database, dataDir }: Here): string {
  const demoDir = join(dataDir, 'demo');
  if (database.kind !== 'embedded' || !existsSync(demoDir)) return '';
  const folder = shellWord(pathFromHere(demoDir));
  return `\nThe demo's are in a database of its own: put DATA_DIR=${folder} before the command.`;
}

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
export function deskOver(api: ApiClient): PostDesk {
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
export function directoryOver(api: ApiClient): Directory {
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
