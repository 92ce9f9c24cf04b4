import { isIP } from 'node:net';

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
