import { z } from 'zod';
import type { Services } from '../services.ts';
import { tenantExists } from '../tenants/store.ts';
import { authenticate, type Caller } from './authentication.ts';
import { ApiError } from './errors.ts';
import type { Shown } from './limits/guesses.ts';

/** What the entrance looks at. */
export interface Visit extends Shown {
  readonly tenantHeader: string | undefined;
  /** Whether the call may change anything. */
  readonly writes: boolean;
}

/** Whoever was let in, and the tenant they act for. */
export interface Admitted<TenantId extends string | undefined> {
  readonly tenantId: TenantId;
  /** Undefined on routes that are open to everyone. */
  readonly caller: Caller | undefined;
}

/** Who may use a route: one of `forTenant`, `forOperator`, `forTenantOrOperator` and `forEveryone`. */
export interface Access<TenantId extends string | undefined> {
  readonly name: 'tenant' | 'operator' | 'tenant_or_operator' | 'everyone';
  admit(services: Services, visit: Visit): Promise<Admitted<TenantId>>;
}

/** A tenant's key, or the operator or a platform key with the header Tenant-Id: `tenantId` is always known. */
export const forTenant: Access<string> = {
  name: 'tenant',
  async admit(services, visit) {
    const caller = await authenticate(services, visit);
    const tenantId = await tenantOf(services, caller, visit);
    if (tenantId === undefined) {
      throw new ApiError('tenant_required', 'Name the tenant in the header Tenant-Id.');
    }
    return { caller, tenantId };
  },
};

/** Only the operator; a Tenant-Id header changes nothing here. */
export const forOperator: Access<undefined> = {
  name: 'operator',
  async admit(services, visit) {
    const caller = await authenticate(services, visit);
    if (caller.kind !== 'operator') {
      throw new ApiError('forbidden', 'Only the operator may use this address.');
    }
    return { caller, tenantId: undefined };
  },
};

/** As `forTenant`, but the operator may leave Tenant-Id out and then acts for all: `tenantId` is undefined. */
export const forTenantOrOperator: Access<string | undefined> = {
  name: 'tenant_or_operator',
  async admit(services, visit) {
    const caller = await authenticate(services, visit);
    const tenantId = await tenantOf(services, caller, visit);
    if (tenantId === undefined && caller.kind !== 'operator') {
      throw new ApiError('tenant_required', 'Name the tenant in the header Tenant-Id.');
    }
    return { caller, tenantId };
  },
};

/** No key needed, none looked at. */
export const forEveryone: Access<undefined> = {
  name: 'everyone',
  admit: () => Promise.resolve({ caller: undefined, tenantId: undefined }),
};

async function tenantOf(
  services: Services,
  caller: Caller,
  visit: Visit,
): Promise<string | undefined> {
  const named = parseTenantHeader(visit.tenantHeader);
  if (caller.kind === 'tenant') return ownTenant(caller, named, visit.writes);
  if (named !== undefined && !(await tenantExists(services.db, named))) {
    throw new ApiError('not_found', 'The tenant in the header Tenant-Id does not exist.');
  }
  return named;
}

function ownTenant(
  caller: Caller & { readonly kind: 'tenant' },
  named: string | undefined,
  writes: boolean,
): string {
  // Nothing is looked up, so the answer does not tell whether the other tenant exists.
  if (named !== undefined && named !== caller.tenantId) {
    throw new ApiError('forbidden', 'This key belongs to another tenant than Tenant-Id names.');
  }
  if (writes && caller.readOnly) throw new ApiError('forbidden', 'This key may only read.');
  return caller.tenantId;
}

function parseTenantHeader(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const id = z.guid().safeParse(header);
  if (!id.success) throw new ApiError('malformed_request', 'The header Tenant-Id is not an id.');
  return id.data.toLowerCase();
}
