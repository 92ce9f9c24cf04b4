import { createHash, randomBytes } from 'node:crypto';

/** `tenant` reads and writes for one tenant, `read` only reads, `platform` acts for any tenant it names. */
export const keyScopes = ['tenant', 'read', 'platform'] as const;
export type KeyScope = (typeof keyScopes)[number];

/** A new key of 256 random bits. Its prefix tells people, and scanners for leaked secrets, what it is. */
export function makeKey(scope: KeyScope): string {
  return `sp_${scope}_${randomBytes(32).toString('base64url')}`;
}

/** A plain hash is enough: there is nothing to guess in 256 random bits. */
export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}
