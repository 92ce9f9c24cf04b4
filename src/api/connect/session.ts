import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * What a browser that opened a link keeps of it, in a cookie of that link alone: the way back from Meta is found by it,
 * and a form is taken from that browser only. The address that Meta sends people back to names the link by `id`, which
 * opens nothing.
 */
export interface LinkSession {
  readonly token: string;
  readonly browser: string;
}

export function newSession(token: string): LinkSession {
  return { token, browser: randomBytes(32).toString('base64url') };
}

/** Names a link without giving it away. */
export function linkId(token: string): string {
  return hashOf(token).toString('hex').slice(0, 24);
}

/** What a form of this browser carries: whoever makes another page cannot know it. */
export function formKey({ token, browser }: LinkSession): string {
  return createHmac('sha256', browser).update(`form ${token}`).digest('base64url');
}

export function isFormKey(session: LinkSession, given: unknown): boolean {
  return typeof given === 'string' && timingSafeEqual(hashOf(given), hashOf(formKey(session)));
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

const cookieName = (id: string): string => `sp_link_${id}`;

export function readSession(header: string | undefined, id: string): LinkSession | undefined {
  const name = `${cookieName(id)}=`;
  const pair = (header ?? '').split(/; */).find((one) => one.startsWith(name));
  const [token, browser, ...rest] = pair?.slice(name.length).split('.') ?? [];
  if (token === undefined || browser === undefined || rest.length > 0) return undefined;
  return linkId(token) === id ? { token, browser } : undefined;
}

/** Lax: it comes along when Meta sends the person back, and with no request that another page makes. */
export function sessionCookie({ token, browser }: LinkSession, publicUrl: string): string {
  const { protocol, pathname } = new URL(publicUrl);
  return [
    `${cookieName(linkId(token))}=${token}.${browser}`,
    `Path=${pathname.replace(/\/$/, '')}/connect`,
    'Max-Age=86400',
    'HttpOnly',
    'SameSite=Lax',
    ...(protocol === 'https:' ? ['Secure'] : []),
  ].join('; ');
}
