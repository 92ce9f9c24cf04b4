import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

type Request = Pick<IncomingMessage, 'headers'>;

/**
 * Why a name is not answered; null: it is. A web page whose name was made to lead here must neither read the sandbox's
 * tokens nor program it.
 */
export function refuseHost({ headers }: Request, allowed: readonly string[]): string | null {
  const host = nameOf(`http://${headers.host ?? ''}`);
  if (isOwn(host) || allowed.includes(host)) return null;
  return `The sandbox does not answer as "${host}": use its address, or name the host in SANDBOX_ALLOWED_HOSTS.`;
}

/** Why a control route is refused to a web page of another origin in the developer's browser; null: it is not. */
export function refuseOrigin({ headers }: Request): string | null {
  const site = headers['sec-fetch-site'] ?? 'none';
  const isOwnPage =
    headers.origin === undefined || URL.parse(headers.origin)?.host === headers.host;
  if (isOwnPage && (site === 'same-origin' || site === 'none')) return null;
  return 'The control routes take no requests of other web pages.';
}

function nameOf(url: string): string {
  return URL.parse(url)?.hostname ?? '';
}

/** Names without a dot are of this machine or its container network: nobody can register one. */
function isOwn(host: string): boolean {
  if (host === '') return false;
  return (
    isIP(host.replace(/^\[|\]$/g, '')) !== 0 || !host.includes('.') || host.endsWith('.localhost')
  );
}
