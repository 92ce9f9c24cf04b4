import type { Api } from './api.ts';
import { CommandError } from './failure.ts';
import { type IntegrationView, integrationView, type TenantView, tenantView } from './views.ts';

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function listTenants(api: Api): Promise<TenantView[]> {
  return api.list({ method: 'GET', path: '/v1/tenants' }, tenantView);
}

export function listIntegrations(api: Api, tenantId: string): Promise<IntegrationView[]> {
  return api.list({ method: 'GET', path: '/v1/integrations', tenantId }, integrationView);
}

/** People know their tenants by name, scripts by reference or id. */
export async function findTenant(api: Api, text: string): Promise<TenantView> {
  if (idPattern.test(text)) {
    return api.call({ method: 'GET', path: `/v1/tenants/${text}` }, tenantView);
  }
  return pickTenant(await listTenants(api), text);
}

/** Throws CommandError when none or several fit. */
export function pickTenant(tenants: readonly TenantView[], text: string): TenantView {
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
