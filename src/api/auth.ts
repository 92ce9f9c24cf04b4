import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { Secret } from '../secret.ts';
import type { Services } from '../services.ts';
import { findKey } from '../tenants/key-store.ts';
import { tenantExists } from '../tenants/store.ts';
import { ApiError } from './errors.ts';
import type { Shown } from './guesses.ts';
import { limitsOf } from './limits.ts';

/** What the entrance looks at. */
export interface AuthRequest extends Shown {
  readonly tenantHeader: string | undefined;
  /** Whether the call may change anything. */
  readonly writes: boolean;
}

/** Whoever was let in, and the tenant they act for. */
export interface Authorized<TenantId extends string | undefined> {
  readonly tenantId: TenantId;
  /** Undefined on routes that are open to everyone. */
  readonly caller: Caller | undefined;
}

/** Who may use a route: one of `forTenant`, `forOperator`, `forTenantOrOperator` and `forEveryone`. */
export interface Access<TenantId extends string | undefined> {
  readonly name: 'tenant' | 'operator' | 'tenant_or_operator' | 'everyone';
  admit(services: Services, visit: AuthRequest): Promise<Authorized<TenantId>>;
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
  visit: AuthRequest,
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

/** Who is asking, proven by what came in the Authorization header. */
type Caller =
  | { readonly kind: 'operator' }
  | { readonly kind: 'platform'; readonly keyId: string }
  | {
      readonly kind: 'tenant';
      readonly keyId: string;
      readonly tenantId: string;
      readonly readOnly: boolean;
    };

/**
 * Throws `unauthenticated` (401) unless the header carries a token of the operator or a key in use, and LimitedError
 * after too many wrong ones from the same address.
 */
async function authenticate(
  services: Pick<Services, 'config' | 'db' | 'log'>,
  shown: Shown,
): Promise<Caller> {
  const { guesses } = limitsOf(services);
  guesses.check(shown);
  try {
    const caller = await findCaller(services, shown);
    guesses.noteGood(shown);
    return caller;
  } catch (error) {
    if (error instanceof ApiError) guesses.noteWrong('api', shown);
    throw error;
  }
}

async function findCaller(
  services: Pick<Services, 'config' | 'db' | 'log'>,
  shown: Shown,
): Promise<Caller> {
  const token = bearerToken(shown.authorization);
  if (isOneOf(services.config.adminTokens, token)) return { kind: 'operator' };
  const mayBeKey = token.startsWith('sp_') && !limitsOf(services).guesses.wasWrong('api', shown);
  const key = mayBeKey ? await findKey(services.db, token) : undefined;
  if (key === undefined) throw unauthenticated('The key is unknown or revoked.', 'invalid_token');
  if (key.tenantId === null) return { kind: 'platform', keyId: key.id };
  return { kind: 'tenant', keyId: key.id, tenantId: key.tenantId, readOnly: key.scope === 'read' };
}

/** Compares hashes, so that neither length nor content of a token shows in the time it takes. */
function isOneOf(secrets: readonly Secret[], candidate: string): boolean {
  const hashed = sha256(candidate);
  return secrets.map((secret) => timingSafeEqual(sha256(secret.reveal()), hashed)).includes(true);
}

/**
 * Whether the header is the operator's bearer token, or its HTTP basic form with the token as password. Throws
 * LimitedError after too many wrong ones from the same address.
 */
export function isOperator(services: Pick<Services, 'config' | 'log'>, shown: Shown): boolean {
  const { guesses } = limitsOf(services);
  guesses.check(shown);
  const isGood = isOperatorsToken(services.config.adminTokens, shown.authorization);
  if (isGood) guesses.noteGood(shown);
  else guesses.noteWrong('operator', shown);
  return isGood;
}

function isOperatorsToken(tokens: readonly Secret[], authorization: string | undefined): boolean {
  const [, scheme = '', value = ''] =
    /^(\w+) +([\x21-\x7e]{1,2048}) *$/.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return isOneOf(tokens, value);
  if (scheme.toLowerCase() !== 'basic') return false;
  const userAndPassword = Buffer.from(value, 'base64').toString();
  return isOneOf(tokens, userAndPassword.slice(userAndPassword.indexOf(':') + 1));
}

function unauthenticated(detail: string, error?: string): ApiError {
  const challenge = 'Bearer realm="social-publisher"';
  return new ApiError('unauthenticated', detail, {
    'www-authenticate': error === undefined ? challenge : `${challenge}, error="${error}"`,
  });
}

function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw unauthenticated('Send the header Authorization: Bearer <key>.');
  }
  const token = /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(authorization)?.[1];
  if (token === undefined) {
    throw unauthenticated('The Authorization header is not "Bearer <key>".', 'invalid_request');
  }
  return token;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Who acts, for the record: the name that was given, and which of the operator's tokens was used. */
export function operatorName(headers: IncomingHttpHeaders, given: string | undefined): string {
  const token = (headers.authorization ?? '').split(' ').at(-1) ?? '';
  const mark = createHash('sha256').update(token).digest('hex').slice(0, 8);
  return given === undefined ? `operator (token ${mark})` : `${given} (token ${mark})`;
}
