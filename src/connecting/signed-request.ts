import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Secret } from '../secret.ts';

/** What Meta says of a person, in the words that it signs. */
export interface SignedNotice {
  /** As the app that signed it knows the person. */
  readonly userId: string;
  /** Null: not told. */
  readonly issuedAt: Date | null;
}

const parts = /^([\w-]{43})=?\.([\w-]{1,8192}=*)$/;

/** Meta writes ids as numbers in older answers. */
const payload = z.object({
  algorithm: z.string().transform((name) => name.toUpperCase()),
  user_id: z.union([z.string().min(1).max(64), z.int().transform(String)]),
  issued_at: z.int().positive().optional(),
});

/**
 * What was said in a `signed_request`, and which of the apps signed it: several, where one app is known under more than
 * one name. Undefined: none of them did. The signature covers the encoded text, so nothing is read before it is checked.
 */
export function readSignedRequest<App extends { readonly secret: Secret }>(
  text: string,
  apps: readonly App[],
): { readonly notice: SignedNotice; readonly signers: readonly [App, ...App[]] } | undefined {
  const [, signature = '', encoded = ''] = parts.exec(text) ?? [];
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== 32) return undefined;
  const [first, ...others] = apps.filter(({ secret }) => isSignedWith(secret, encoded, given));
  const notice = readPayload(encoded);
  return first === undefined || notice === undefined
    ? undefined
    : { notice, signers: [first, ...others] };
}

function isSignedWith(secret: Secret, encoded: string, given: Buffer): boolean {
  const made = createHmac('sha256', secret.reveal()).update(encoded).digest();
  return timingSafeEqual(made, given);
}

function readPayload(encoded: string): SignedNotice | undefined {
  const { data } = payload.safeParse(jsonOf(Buffer.from(encoded, 'base64url').toString()));
  if (data?.algorithm !== 'HMAC-SHA256') return undefined;
  const { user_id: userId, issued_at: seconds } = data;
  return { userId, issuedAt: seconds === undefined ? null : new Date(seconds * 1000) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
