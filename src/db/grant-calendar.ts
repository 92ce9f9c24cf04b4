import { escapeIdentifier } from 'pg';
import { InvalidRequestError } from '../errors.ts';
import {
  type CalendarRight,
  calendarRights,
  type HeldRight,
  heldRights,
  ourSchemas,
  ownedByRole,
  privilegeText,
  reachedRoles,
} from './calendar-rights.ts';
import type { Database, Sql } from './client.ts';

export interface CalendarGrant {
  /** What the role could do before and no longer can. */
  readonly taken: readonly string[];
  /** What every role (PUBLIC) could do in our schemas before; nothing there is everybody's. */
  readonly takenFromPublic: readonly string[];
  /** What the role can do beyond an author, and only somebody else can take away: with how. */
  readonly left: readonly string[];
}

/**
 * Gives a role what a calendar needs, and takes away everything else that it or PUBLIC has in our schemas: so this
 * also mends a role that was given too much. Throws InvalidRequestError when there is no such role, or when it could
 * go around any grant.
 */
export async function grantCalendar(db: Database, role: string): Promise<CalendarGrant> {
  await refuseUnlimitedRole(db, role);
  return db.transaction(async (tx) => {
    const excess = (await heldRights(tx, role)).filter(
      (right) => (right.holder === null || right.holder === role) && isExcess(right),
    );
    for (const right of excess) if (right.revocable) await tx.query({ text: revoke(right) });
    for (const right of calendarRights) await tx.query({ text: grant(right, role) });
    const left = (await heldRights(tx, role)).filter(isExcess);
    const kept = new Set(left.map(revoke));
    const taken = excess.filter((right) => !kept.has(revoke(right)));
    return {
      taken: described(taken.filter(({ holder }) => holder !== null)),
      takenFromPublic: described(taken.filter(({ holder }) => holder === null)),
      left: [
        ...leftovers(left, role),
        ...(await ownedByRole(tx, role)).map(ownedThing),
        ...(await disturbingMemberships(tx, role)).map(
          (name) => `It is a member of "${name}" and can stop the program: revoke that membership.`,
        ),
      ],
    };
  });
}

function isExcess(right: HeldRight): boolean {
  return right.holder === null || right.grantable || !isAnAuthors(right);
}

function isAnAuthors({ privilege, target, column, prefix }: HeldRight): boolean {
  return calendarRights.some(
    (right) =>
      prefix === '' &&
      right.privilege === privilege &&
      right.target === target &&
      (column === null
        ? right.columns === undefined
        : (right.columns ?? [column]).includes(column)),
  );
}

function grant({ privilege, columns, target }: CalendarRight, role: string): string {
  return `GRANT ${privilegeText(privilege, columns)} ON ${target} TO ${escapeIdentifier(role)}`;
}

/** With what the role passed on to others in its turn. */
function revoke({ privilege, target, column, prefix, holder }: HeldRight): string {
  const what = privilegeText(privilege, column === null ? [] : [column]);
  const from = holder === null ? 'PUBLIC' : escapeIdentifier(holder);
  return `${prefix}REVOKE ${what} ON ${target} FROM ${from} CASCADE`;
}

/** One line a target: `SELECT, UPDATE (name) on TABLE …`. */
function described(rights: readonly HeldRight[]): string[] {
  const byTarget = Map.groupBy(rights, placeOf);
  return [...byTarget].map(([place, here]) => {
    const byPrivilege = Map.groupBy(here, ({ privilege }) => privilege);
    const privileges = [...byPrivilege].map(([privilege, same]) => {
      const columns = same.flatMap(({ column }) => (column === null ? [] : [column]));
      const text = privilegeText(privilege, columns.length < same.length ? [] : columns);
      return same.some(({ grantable }) => grantable) ? `${text} WITH GRANT OPTION` : text;
    });
    return `${privileges.join(', ')} on ${place}`;
  });
}

function placeOf({ target, prefix }: HeldRight): string {
  if (prefix === '') return target;
  const [where = ''] = / IN SCHEMA .+(?= $)/.exec(prefix) ?? [];
  return `all ${target} to come${where}`;
}

function leftovers(left: readonly HeldRight[], role: string): string[] {
  const bySource = Map.groupBy(left, (right) => sourceOf(right, role));
  return [...bySource].flatMap(([source, rights]) =>
    described(rights).map((what) => `${what}, ${source}`),
  );
}

function sourceOf({ holder, grantor }: HeldRight, role: string): string {
  if (holder === null) return `as every role may (PUBLIC): log in as "${grantor}" and revoke it.`;
  if (holder === role) return `granted by "${grantor}": log in as that role and revoke it.`;
  return `through the role "${holder}": revoke that membership, or take the right from that role.`;
}

function ownedThing(thing: string): string {
  return `It owns the ${thing}, in a schema of ours where only the program should own anything: look at it, and drop it.`;
}

/** PostgreSQL's own roles that reach our tables past every grant: through their rights, or through the server's files. */
const powerfulRoles = [
  'pg_read_all_data',
  'pg_write_all_data',
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_execute_server_program',
  'pg_create_subscription',
];

/** Those that reach no data of ours, and can stop the program. */
const disturbingRoles = new Set(['pg_signal_backend', 'pg_maintain']);

interface ReachedRole {
  readonly name: string;
  readonly powers: readonly string[];
}

/** Throws InvalidRequestError when there is no such role, or when grants could not limit it. */
async function refuseUnlimitedRole(sql: Sql, role: string): Promise<void> {
  const reached = await readReachedRoles(sql, role);
  if (reached.length === 0) {
    throw refused(
      `There is no role "${role}" in this database: CREATE ROLE it first.`,
      'role_exists',
    );
  }
  const powerful = reached.filter(({ powers }) => powers.length > 0);
  if (powerful.length === 0) return;
  const reasons = powerful.map(({ name, powers }) =>
    name === role ? powers.join(', ') : `is a member of "${name}", which ${powers.join(', ')}`,
  );
  throw refused(
    `The role "${role}" ${reasons.join('; it ')}: no grant can limit it, and nothing was changed. Use a role of its own for the calendar.`,
    'role_limited',
  );
}

/** Memberships that no right on our tables shows. */
async function disturbingMemberships(sql: Sql, role: string): Promise<string[]> {
  const reached = await readReachedRoles(sql, role);
  return reached.map(({ name }) => name).filter((name) => disturbingRoles.has(name));
}

function readReachedRoles(sql: Sql, role: string): Promise<ReachedRole[]> {
  return sql.query<ReachedRole>({
    text: `WITH RECURSIVE ${reachedRoles}
      SELECT r.rolname AS name, array_remove(ARRAY[
        CASE WHEN r.rolsuper THEN 'is a superuser' END,
        CASE WHEN r.rolcreaterole THEN 'may make and change roles (CREATEROLE)' END,
        CASE WHEN r.rolreplication THEN 'may copy the whole server (REPLICATION)' END,
        CASE WHEN r.rolbypassrls THEN 'may pass row level security (BYPASSRLS)' END,
        CASE WHEN r.rolname = ANY($3) THEN 'reaches tables or files past all grants' END,
        CASE WHEN d.datdba = r.oid THEN 'owns the database' END,
        CASE WHEN EXISTS (
          SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY($2) AND n.nspowner = r.oid
          UNION ALL SELECT FROM pg_catalog.pg_class c
          WHERE c.oid = 'social_publisher.social_posts'::regclass AND c.relowner = r.oid) THEN 'owns the tables' END
      ], NULL) AS powers
      FROM reached JOIN pg_catalog.pg_roles r ON r.oid = reached.oid
      JOIN pg_catalog.pg_database d ON d.datname = current_database()
      ORDER BY r.rolname <> $1, r.rolname`,
    values: [role, [...ourSchemas], powerfulRoles],
  });
}

function refused(message: string, rule: string): InvalidRequestError {
  return new InvalidRequestError(422, 'invalid', message, [{ path: 'role', message, rule }]);
}
