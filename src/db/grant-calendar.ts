import { escapeIdentifier } from 'pg';
import { type CalendarRight, calendarRights, privilegeText } from './calendar-rights.ts';
import { disturbingMemberships, refuseUnlimitedRole } from './calendar-role.ts';
import type { Database } from './client.ts';
import { type HeldRight, heldRights, ownedByRole } from './held-rights.ts';

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
