import { createHash, randomBytes } from 'node:crypto';
import type { Sql } from '../db/client.ts';
import type { LoginName } from '../providers/account.ts';

/** A person on the way to a dialog and back. */
export interface Journey {
  readonly tenantId: string;
  readonly provider: string;
  readonly login: LoginName;
  /** Empty: the operator's. */
  readonly appId: string;
  readonly scopes: readonly string[];
  /** Where the person is led in the end, whatever comes of it. */
  readonly redirectUrl: string;
}

/** 256 bits that nobody guesses; only their hash is stored. */
export function newSecretText(): string {
  return randomBytes(32).toString('base64url');
}

export function hashOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

const lives = "interval '15 minutes'";

export async function saveJourney(sql: Sql, state: string, journey: Journey): Promise<Date> {
  const [saved] = await sql.query<{ readonly expiresAt: Date }>({
    text: `INSERT INTO social_publisher.connect_states
             (state_hash, tenant_id, provider, login, app_id, scopes, redirect_url, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + ${lives}) RETURNING expires_at AS "expiresAt"`,
    values: [
      hashOf(state),
      journey.tenantId,
      journey.provider,
      journey.login,
      journey.appId,
      journey.scopes,
      journey.redirectUrl,
    ],
  });
  if (saved === undefined) throw new Error('a state was not saved');
  return saved.expiresAt;
}

export interface KnownJourney extends Journey {
  /** Neither used up nor over. */
  readonly isOpen: boolean;
}

/** Undefined: nobody made this state for this provider. One that is used up or over still knows its way back. */
export async function findJourney(
  sql: Sql,
  provider: string,
  state: string,
): Promise<KnownJourney | undefined> {
  const [row] = await sql.query<KnownJourney>({
    name: 'connect_states_find',
    text: `SELECT tenant_id AS "tenantId", provider, login, app_id AS "appId", scopes, redirect_url AS "redirectUrl",
             used_at IS NULL AND expires_at > clock_timestamp() AS "isOpen"
           FROM social_publisher.connect_states WHERE state_hash = $1 AND provider = $2`,
    values: [hashOf(state), provider],
  });
  return row;
}

/** Whoever goes last through the start is the one who may return. False: the state is used up or over. */
export async function bindBrowser(sql: Sql, state: string, browser: string): Promise<boolean> {
  const bound = await sql.query({
    name: 'connect_states_bind',
    text: `UPDATE social_publisher.connect_states SET browser_hash = $2
           WHERE state_hash = $1 AND used_at IS NULL AND expires_at > clock_timestamp() RETURNING state_hash`,
    values: [hashOf(state), hashOf(browser)],
  });
  return bound.length > 0;
}

/** Once, and by that browser only: of two returns one is too late. */
export async function endJourney(sql: Sql, state: string, browser: string): Promise<boolean> {
  const ended = await sql.query({
    name: 'connect_states_end',
    text: `UPDATE social_publisher.connect_states SET used_at = clock_timestamp()
           WHERE state_hash = $1 AND browser_hash = $2 AND used_at IS NULL AND expires_at > clock_timestamp()
           RETURNING state_hash`,
    values: [hashOf(state), hashOf(browser)],
  });
  return ended.length > 0;
}
