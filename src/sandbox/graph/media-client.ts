import { lookup } from 'node:dns';
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { SandboxOptions } from '../world/world.ts';

export type Fetched =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly reason: 'unreachable' | 'too_large' };

const maxBytes = 10 * 1024 * 1024;
const maxRedirects = 5;
const deadlineMs = 20_000;
const httpAgent = new HttpAgent({ keepAlive: true, maxSockets: 64 });
const httpsAgent = new HttpsAgent({ keepAlive: true, maxSockets: 64 });

const privateAddresses = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  privateAddresses.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  privateAddresses.addSubnet(net, prefix, 'ipv6');
}

/** Fetches a photo as Meta's crawler does: public addresses only, few redirects, no more than 10 MB. */
export async function fetchMedia(options: SandboxOptions, url: string): Promise<Fetched> {
  let target = url;
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    if (!URL.canParse(target)) return unreachable;
    const answer = await open(options, new URL(target));
    if (answer === null) return unreachable;
    const status = answer.statusCode ?? 0;
    const next = answer.headers.location;
    if (status >= 300 && status < 400 && next !== undefined && URL.canParse(next, target)) {
      answer.resume();
      target = new URL(next, target).href;
      continue;
    }
    if (status !== 200) {
      answer.resume();
      return unreachable;
    }
    return readAll(answer);
  }
  return unreachable;
}

const unreachable: Fetched = { ok: false, reason: 'unreachable' };

function open(options: SandboxOptions, url: URL): Promise<IncomingMessage | null> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return Promise.resolve(null);
  const anyAddress = options.allowLoopbackMedia || isAllowedHost(options, url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!anyAddress && isIP(host) !== 0 && isPrivate(host)) return Promise.resolve(null);
  const settings = {
    headers: { 'user-agent': 'facebookexternalhit/1.1', accept: '*/*' },
    signal: AbortSignal.timeout(deadlineMs),
    ...(anyAddress ? {} : { lookup: publicLookup }),
  };
  return new Promise((resolve) => {
    const request =
      url.protocol === 'https:'
        ? httpsGet(url, { ...settings, agent: httpsAgent }, resolve)
        : httpGet(url, { ...settings, agent: httpAgent }, resolve);
    request.on('error', () => {
      // Its server may close a connection that was kept open just as it is used again.
      const isStale = request.reusedSocket && !settings.signal.aborted;
      resolve(isStale ? open(options, url) : null);
    });
  });
}

function isAllowedHost(options: SandboxOptions, url: URL): boolean {
  return options.allowedMediaHosts.some((host) => host === url.hostname || host === url.host);
}

function isPrivate(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return privateAddresses.check(mapped, 'ipv4');
  return privateAddresses.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Resolves as usual but fails for private addresses: the address judged is the one connected to. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '');
    const reachable = addresses.filter(({ address }) => !isPrivate(address));
    const first = reachable[0];
    if (first === undefined) return callback(new Error('private address'), '');
    if (options.all === true) return callback(null, reachable);
    callback(null, first.address, first.family);
  });
};

function readAll(answer: IncomingMessage): Promise<Fetched> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    answer.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maxBytes) return;
      resolve({ ok: false, reason: 'too_large' });
      answer.destroy();
    });
    answer.on('end', () => resolve({ ok: true, bytes: Buffer.concat(chunks) }));
    answer.on('error', () => resolve(unreachable));
    answer.on('aborted', () => resolve(unreachable));
  });
}
