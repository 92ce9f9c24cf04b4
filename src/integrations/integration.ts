import type { ErrorClass, ErrorRecord } from '../errors.ts';
import type { Waiting } from '../posts/post.ts';
import type { LoginName } from '../providers/account.ts';

export const integrationStatuses = [
  'active',
  'needs_reconnect',
  'needs_permission',
  'blocked',
  'disconnected',
] as const;
export type IntegrationStatus = (typeof integrationStatuses)[number];

/** The states out of which a person, or a probe, leads back. */
export type IntegrationTrouble = Extract<
  IntegrationStatus,
  'needs_reconnect' | 'needs_permission' | 'blocked'
>;

/** The state that an error moves its integration to; null: it stays. */
export function troubleOf(record: ErrorRecord): IntegrationTrouble | null {
  return troubles[record.class] ?? null;
}

const troubles: Partial<Record<ErrorClass, IntegrationTrouble>> = {
  reauth: 'needs_reconnect',
  permission: 'needs_permission',
  blocked: 'blocked',
};

/** A token that is dead stays dead; everything else a person may put right at the provider, without telling us. */
export function isHealedThere({ class: errorClass, key }: ErrorRecord): boolean {
  return errorClass !== 'reauth' || key === 'account_not_visible';
}

/** Why an account is held that its provider has set no limit. */
export interface Hold {
  readonly scope: 'app' | 'provider';
  /** For people. */
  readonly text: string;
}

/** A tenant's connection to one account, without what it seals. */
export interface Integration {
  readonly id: string;
  readonly tenantId: string;
  readonly provider: string;
  readonly externalAccountId: string;
  readonly name: string | null;
  readonly username: string | null;
  /** The app that issued its token; empty: the operator's. */
  readonly appId: string;
  readonly login: LoginName;
  /** When the token that it has was saved. */
  readonly connectedAt: Date | null;
  /** Null: it does not end by time, or nobody told. */
  readonly tokenExpiresAt: Date | null;
  readonly dataAccessExpiresAt: Date | null;
  /** In the network's words; null: not told. */
  readonly scopes: readonly string[] | null;
  readonly tasks: readonly string[] | null;
  readonly status: IntegrationStatus;
  /** What moved it out of `active`. */
  readonly error: ErrorRecord | null;
  /** Nothing is asked of it before then. */
  readonly heldUntil: Date | null;
  /** Why; null: a limit of the provider, or nothing. */
  readonly heldFor: Hold | null;
  readonly verifiedAt: Date | null;
  /** See `capabilities.ts`. */
  readonly capabilities: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The next step for the people of the tenant. */
export function adviceFor({
  status,
  error,
}: {
  readonly status: string;
  readonly error: ErrorRecord | null;
}): string | null {
  switch (status) {
    case 'active':
      return null;
    case 'needs_reconnect':
      return error?.action ?? 'Connect the account again: its token no longer works.';
    case 'needs_permission':
      return error?.action ?? 'Give the app its permissions again, then connect the account again.';
    case 'blocked':
      return error?.action ?? 'See what the network holds against the account, and wait or appeal.';
    default:
      return 'Connect the account again to publish to it; its posts wait.';
  }
}

/** What the posts of an account say while it is held, by a limit of the provider unless told otherwise. */
export function waitingWhileHeld(hold: Hold | null): Pick<Waiting, 'reason' | 'text'> {
  if (hold === null) return { reason: 'meta_limit', text: heldText };
  return { reason: hold.scope === 'app' ? 'integration' : 'meta_limit', text: hold.text };
}

const heldText = 'The network allows this account no more calls for now.';
export const outageText =
  'The network does not answer for this account; it is tried again by itself, a post at a time.';

/** Told to everybody whose posts wait for it: only its operator can put an app right. */
export function textOfAppTrouble({ user_message: said, action }: ErrorRecord): string {
  return `${said} The operator of this service must act: ${action}`;
}
