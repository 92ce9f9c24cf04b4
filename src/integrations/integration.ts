import type { ErrorRecord } from '../errors.ts';

export const integrationStatuses = [
  'active',
  'needs_reconnect',
  'needs_permission',
  'blocked',
  'disconnected',
] as const;
export type IntegrationStatus = (typeof integrationStatuses)[number];

/** A tenant's connection to one account, without what it seals. */
export interface Integration {
  readonly id: string;
  readonly tenantId: string;
  readonly provider: string;
  readonly externalAccountId: string;
  readonly name: string | null;
  readonly status: IntegrationStatus;
  /** What moved it out of `active`. */
  readonly error: ErrorRecord | null;
  /** Nothing is asked of it before then. */
  readonly heldUntil: Date | null;
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

/** What the posts of an account say while a limit of the provider holds it. */
export const heldText = 'The network allows this account no more calls for now.';
