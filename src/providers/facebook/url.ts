/** No bound of Meta's is known; beyond this, servers and proxies begin to refuse. */
const longestUrl = 2048;

/** Why Facebook could not fetch the address, or null. What lies behind it nobody has looked at. */
export function problemOfUrl(text: string): string | null {
  const url = URL.parse(text);
  if (url === null) return 'is not a URL';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `has the scheme ${url.protocol.slice(0, -1)}; Facebook fetches http and https`;
  }
  if (url.username !== '' || url.password !== '') return 'holds a user name or password';
  if (text.length > longestUrl)
    return `has ${text.length} characters; at most ${longestUrl} are taken`;
  return null;
}
