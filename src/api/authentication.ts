import { createHash, timingSafeEqual } from 'node:crypto';
import { findKey } from '../api-keys/store.ts';
import type { Secret } from '../secret.ts';
import type { Services } from '../services.ts';
import { ApiError } from './errors.ts';
import type { Shown } from './limits/guesses.ts';
import { limitsOf } from './limits/limits.ts';

/** Who is asking, proven by what came in the Authorization header. */
export type Caller =
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
export async function authenticate(
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
