import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Services } from '../../services.ts';
import { isOperator } from '../authentication.ts';
import { ApiError } from '../errors.ts';
import { shownOf } from '../limits/limits.ts';
import { unlessRefused } from '../register.ts';

/**
 * By HTTP basic, as browsers ask for it, or by bearer token; pictures and scripts too. A browser sends the password by
 * itself, whoever made the page that asks: what writes is refused to pages of other places.
 */
export function admitOperators(inner: FastifyInstance, services: Services): void {
  inner.addHook('onRequest', (request, reply) =>
    unlessRefused(services, request, reply, () => requireOperator(services, request)),
  );
}

function requireOperator(services: Services, request: FastifyRequest): void {
  if (!isOperator(services, shownOf(request))) {
    throw new ApiError('unauthenticated', 'Any user name, and the operator token as password.', {
      'www-authenticate': 'Basic realm="Social Publisher", charset="UTF-8"',
    });
  }
  if (request.method === 'GET' || request.method === 'HEAD') return;
  if (isFromHere(services, request)) return;
  throw new ApiError('forbidden', 'A page of another place asked for this.');
}

/** Browsers say where a request comes from; over plain HTTP only by `Origin`. Programs say nothing. */
function isFromHere({ config }: Services, { headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin } = headers;
  if (origin === undefined) return true;
  // A proxy in front may have put another name into Host.
  const known = [host, URL.parse(config.http.publicUrl)?.host];
  const asking = URL.parse(origin)?.host;
  return asking !== undefined && known.includes(asking);
}
