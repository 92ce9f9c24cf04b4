export const pauseScopes = ['all', 'provider', 'tenant', 'integration'] as const;
export type PauseScope = (typeof pauseScopes)[number];

/** Nothing of what it names is sent to its provider, nor read or changed there, until it is lifted. */
export interface Pause {
  readonly id: string;
  readonly scope: PauseScope;
  /** A provider's name or an id; empty for `all`. */
  readonly target: string;
  readonly reason: string | null;
  /** `operator`, or the tenant that paused its own. */
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** What a pause can be about: a post's row, or an integration's. */
export interface Pausable {
  readonly tenantId: string;
  readonly integrationId: string;
  readonly provider: string;
}

/** The widest of the pauses that hold it, or null. */
export function findPause(pauses: readonly Pause[], row: Pausable): Pause | null {
  const holding = pauses.filter((pause) => isAbout(pause, row));
  const [widest] = holding.toSorted(
    (one, other) => pauseScopes.indexOf(one.scope) - pauseScopes.indexOf(other.scope),
  );
  return widest ?? null;
}

function isAbout({ scope, target }: Pause, row: Pausable): boolean {
  switch (scope) {
    case 'all':
      return true;
    case 'provider':
      return target === row.provider;
    case 'tenant':
      return target === row.tenantId;
    case 'integration':
      return target === row.integrationId;
  }
}

export const pauseSubjects = {
  all: 'Everything is',
  provider: 'This network is',
  tenant: 'This tenant is',
  integration: 'This account is',
} as const satisfies Record<PauseScope, string>;

export const pauseEnding = 'It goes on when the pause is lifted.';

/** For the person who reads the calendar. */
export function textOfPause({ scope, reason }: Pick<Pause, 'scope' | 'reason'>): string {
  const why = reason === null ? '' : `: ${reason}`;
  return `${pauseSubjects[scope]} paused${why}. ${pauseEnding}`;
}
