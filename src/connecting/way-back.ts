import type { Candidate } from '../providers/connecting.ts';

/** What went wrong on the way, as the address that the person returns to is told. */
export const connectErrors = [
  'missing_params',
  'session_expired',
  'authorization_denied',
  'token_exchange_failed',
  'no_pages',
  'no_accounts',
  'invalid_config',
  'internal_error',
] as const;
export type ConnectError = (typeof connectErrors)[number];

/** Where a browser goes next. */
export type Outcome =
  | { readonly kind: 'onward' | 'back'; readonly url: string }
  /** Nobody knows where it came from: it is shown a page. */
  | { readonly kind: 'lost'; readonly error: 'session_expired' | 'missing_params' };

interface Origin {
  readonly provider: string;
  readonly redirectUrl: string;
}

/** How the parameters of a provider begin, and what its accounts are called there. */
interface Words {
  readonly prefix: string;
  readonly accounts: string;
  readonly nothing: ConnectError;
}
const words: Readonly<Record<string, Words>> = {
  facebook: { prefix: 'fb', accounts: 'pages', nothing: 'no_pages' },
  instagram: { prefix: 'ig', accounts: 'accounts', nothing: 'no_accounts' },
  meta_ads: { prefix: 'metaads', accounts: 'accounts', nothing: 'no_accounts' },
};

function wordsOf(provider: string): Words {
  return words[provider] ?? { prefix: provider, accounts: 'accounts', nothing: 'no_accounts' };
}

/** The ways back to whoever sent the person. */
export const outcomes = {
  failed(origin: Origin, error: ConnectError): Outcome {
    return back(origin, [[`${wordsOf(origin.provider).prefix}_error`, error]]);
  },

  /** The network shows no account at all. */
  nothing(origin: Origin): Outcome {
    return outcomes.failed(origin, wordsOf(origin.provider).nothing);
  },

  /** One of these is to be chosen. */
  choice(origin: Origin, connectionId: string, accounts: readonly Candidate[]): Outcome {
    const { prefix, accounts: name } = wordsOf(origin.provider);
    const offered = offer(accounts);
    const shown = fitting(offered);
    return back(origin, [
      [`${prefix}_connected`, 'true'],
      [`${prefix}_connection`, connectionId],
      [`${prefix}_${name}`, JSON.stringify(shown)],
      ...(shown.length < offered.length
        ? ([[`${prefix}_${name}_total`, String(offered.length)]] as const)
        : []),
    ]);
  },

  /** The account of the login itself is connected. */
  connected(
    origin: Origin,
    integration: { readonly id: string; readonly username: string | null },
  ): Outcome {
    const { prefix } = wordsOf(origin.provider);
    return back(origin, [
      [`${prefix}_connected`, 'true'],
      [`${prefix}_username`, integration.username ?? ''],
      [`${prefix}_integration`, integration.id],
    ]);
  },
};

interface Offered {
  readonly id: string;
  readonly name: string | null;
}

/** Those that could be chosen come first; those that the network has closed are no choice. */
function offer(accounts: readonly Candidate[]): readonly Offered[] {
  return accounts
    .filter(({ reason }) => reason?.code !== 'account_disabled')
    .toSorted((one, other) => Number(one.reason !== null) - Number(other.reason !== null))
    .map(({ externalAccountId: id, name, username }) => ({ id, name: name ?? username }));
}

const mostShown = 75;
/** Servers and proxies refuse headers of 16 KiB, some of 8: long names in other scripts reach that. */
const mostLetters = 12_000;

function fitting(offered: readonly Offered[]): readonly Offered[] {
  let letters = 0;
  const tooMany = offered.findIndex((one, index) => {
    letters += encodeURIComponent(JSON.stringify(one)).length + 3;
    return index === mostShown || letters > mostLetters;
  });
  return tooMany === -1 ? offered : offered.slice(0, tooMany);
}

/** What the address asks for already stays as it is. */
function back({ redirectUrl }: Origin, told: readonly (readonly [string, string])[]): Outcome {
  const query = told.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const join = redirectUrl.includes('?') ? (/[?&]$/.test(redirectUrl) ? '' : '&') : '?';
  return { kind: 'back', url: `${redirectUrl}${join}${query}` };
}
