import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config/config.ts';
import { LimitedError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Services } from '../services.ts';
import { Buckets, Guesses, type Shown } from './guesses.ts';

const burstSeconds = 25;
/** Behind one address many may live. */
const tenantsPerAddress = 5;

/** Who was let in, and for whom they act. */
interface Visitor {
  readonly tenantId: string | undefined;
  readonly caller: { readonly kind: string } | undefined;
}

/** What callers may ask of this process, so that none of them is in the way of the others. */
export class Limits {
  readonly guesses: Guesses;
  readonly #addresses: Buckets;
  readonly #tenants: Buckets;
  readonly #underWay = new UnderWay();
  readonly #held = new WeakMap<FastifyRequest, Held>();
  readonly #log: Logger;
  #hasWarned = false;

  constructor({ limits }: Config, log: Logger) {
    const perSecond = limits.tenantRequestsPerSecond;
    const forAddress = perSecond * tenantsPerAddress;
    this.guesses = new Guesses(log);
    this.#tenants = new Buckets({ perSecond, burst: perSecond * burstSeconds });
    this.#addresses = new Buckets({ perSecond: forAddress, burst: forAddress * burstSeconds });
    this.#log = log;
  }

  /**
   * Every request, before anybody knows who asks. Whose credential was good before counts for its tenant alone: strangers
   * behind the same address cannot use up what it may ask. Throws LimitedError.
   */
  enterStranger(request: FastifyRequest): void {
    this.#warnOfProxy(request);
    const shown = shownOf(request);
    if (request.url === '/healthz' || this.guesses.wasGood(shown)) return;
    const waitMs = this.#addresses.take(shown.address, performance.now());
    if (waitMs > 0) throw new LimitedError('Too many requests came from this address.', waitMs);
  }

  /** A request that acts for a tenant, before its body is read; the operator is not limited. Throws LimitedError. */
  enterTenant({ tenantId, caller }: Visitor, request: FastifyRequest, reply: FastifyReply): void {
    if (tenantId === undefined || caller === undefined || caller.kind === 'operator') return;
    const waitMs = this.#tenants.take(tenantId, performance.now());
    if (waitMs > 0) throw new LimitedError('This tenant has sent too many requests.', waitMs);
    const held = this.#underWay.hold(tenantId, announcedBytes(request));
    if (held === undefined) throw tooMuchUnderWay();
    this.#held.set(request, held);
    // Whoever hung up while their key was looked up closes no more.
    if (reply.raw.closed) held.release();
    else reply.raw.once('close', () => held.release());
  }

  /** Before an answer is sent. Throws LimitedError for a read whose tenant has not taken its answers so far. */
  leave(request: FastifyRequest, answerBytes: number): void {
    const hasRoom = this.#held.get(request)?.grow(answerBytes) ?? true;
    if (!hasRoom && request.method === 'GET') throw tooMuchUnderWay();
  }

  /** Said once: whoever is not behind a proxy can write that header too. */
  #warnOfProxy(request: FastifyRequest): void {
    if (this.#hasWarned || request.headers['x-forwarded-for'] === undefined) return;
    if ((request.ips?.length ?? 1) > 1) return;
    this.#hasWarned = true;
    this.#log.warn(
      { peer: request.socket.remoteAddress },
      'requests come through a proxy that TRUSTED_PROXIES does not name: all of its callers count as one address',
    );
  }
}

const limits = new WeakMap<Config, Limits>();

/** The ones of this process: its API and its health port share them. */
export function limitsOf({ config, log }: Pick<Services, 'config' | 'log'>): Limits {
  const known = limits.get(config);
  if (known !== undefined) return known;
  const made = new Limits(config, log);
  limits.set(config, made);
  return made;
}

export function shownOf({ ip, socket, headers }: FastifyRequest): Shown {
  return { address: addressKey(ip, socket.remoteAddress), authorization: headers.authorization };
}

/** A body of unknown length counts as the longest that its address takes. */
function announcedBytes(request: FastifyRequest): number {
  if (request.headers['transfer-encoding'] !== undefined) return request.routeOptions.bodyLimit;
  return Number(request.headers['content-length'] ?? 0) || 0;
}

function tooMuchUnderWay(): LimitedError {
  const message =
    'This tenant has too much under way: requests that are not answered, or answers not taken.';
  return new LimitedError(message, 1000);
}

/** A request of a tenant from its entrance until its answer was taken. */
interface Held {
  /** Adds the answer, unless whoever asked has gone; false: the tenant has too much under way for it. */
  grow(bytes: number): boolean;
  release(): void;
}

const mostBytes = 64 * 1024 * 1024;
/** Small requests cost memory too: so many of them fit, and no more. */
const leastBytes = 64 * 1024;

/**
 * How much each tenant has under way, in bytes of bodies and answers: whoever sends much at once, or does not take what
 * was asked for, holds memory that all share.
 * @internal for tests
 */
export class UnderWay {
  readonly #bytes = new Map<string, number>();

  /** Undefined: the tenant has too much under way. */
  hold(tenantId: string, bodyBytes: number): Held | undefined {
    let own = Math.max(leastBytes, bodyBytes);
    let isReleased = false;
    if (!this.#hasRoom(tenantId, own)) return undefined;
    this.#add(tenantId, own);
    return {
      grow: (bytes) => {
        if (isReleased) return true;
        const hasRoom = this.#hasRoom(tenantId, bytes);
        this.#add(tenantId, bytes);
        own += bytes;
        return hasRoom;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#add(tenantId, -own);
      },
    };
  }

  #hasRoom(tenantId: string, more: number): boolean {
    return (this.#bytes.get(tenantId) ?? 0) + more <= mostBytes;
  }

  #add(tenantId: string, bytes: number): void {
    const left = (this.#bytes.get(tenantId) ?? 0) + bytes;
    if (left > 0) this.#bytes.set(tenantId, left);
    else this.#bytes.delete(tenantId);
  }
}

/**
 * What counts as one address: of IPv6 the first half, as everybody has the second half to choose from. `given` may come
 * from a proxy and be anything; what is no address counts as the peer's.
 */
export function addressKey(given: string, peer: string | undefined): string {
  const plain = given.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1').replace(/^::ffff:(?=\d+\.)/i, '');
  switch (isIP(plain)) {
    case 4:
      return plain;
    case 6:
      return `${firstHalf(plain)}::/64`;
    default:
      return peer === undefined || peer === given ? 'unknown' : addressKey(peer, undefined);
  }
}

function firstHalf(address: string): string {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const heads = head === '' ? [] : head.split(':');
  const tails = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - heads.length - tails.length;
  const groups = [...heads, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...tails];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
