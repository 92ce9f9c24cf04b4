import { relative } from 'node:path';

const actors: Readonly<Record<string, string>> = {
  author: 'the author',
  tenant_admin: "the tenant's administrator",
  operator: 'the operator',
};

/** Who must act, as a person would say it. */
export function nameOfActor(who: string): string {
  return actors[who] ?? who;
}

const accountStates: Readonly<Record<string, string>> = {
  needs_reconnect: 'needs a new access token',
  needs_permission: 'lacks a permission and needs a new access token',
  blocked: 'is blocked by the network',
  disconnected: 'is disconnected and needs an access token',
};

/** `needs a new access token`: what is the matter with an account that is not active. */
export function accountStateText(status: string): string {
  return accountStates[status] ?? `is ${status}`;
}

/** `1 post`, `2 posts`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The command that gives a known account a new token; null where a token is not what is missing. */
export function reconnectCommand(
  status: string,
  { account, tenant }: { readonly account: string; readonly tenant: string },
): string | null {
  if (status === 'active' || status === 'blocked') return null;
  return `npm run cli -- integration add --account ${shellWord(account)} --tenant ${shellWord(tenant)}`;
}

/** As one word of a POSIX shell, whatever it holds. */
export function shellWord(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** As short as it can be typed in this folder. */
export function pathFromHere(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}
