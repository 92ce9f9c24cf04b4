import { setTimeout as delay } from 'node:timers/promises';
import type { RoleName } from '../../src/roles.ts';
import type { RoleProcess } from '../support/role-process.ts';

/** Processes that are started again whenever they are gone, as a supervisor does. */
export interface Herd {
  /** SIGKILL to one of them, by its number. Says whether it was there to be killed. */
  kill(number: number): Promise<boolean>;
  readonly size: number;
  /** How many of them are there now. */
  readonly living: number;
  readonly kills: number;
  /** Everything that all of them ever wrote. */
  output(): string;
  close(): Promise<void>;
}

type Spawn = (role: RoleName) => Promise<RoleProcess>;

interface Place {
  readonly role: RoleName;
  living: RoleProcess | undefined;
}

export async function startHerd(spawn: Spawn, roles: readonly RoleName[]): Promise<Herd> {
  const places = roles.map((role): Place => ({ role, living: undefined }));
  const everyone: RoleProcess[] = [];
  const closing = new AbortController();
  let kills = 0;

  const fill = async (place: Place): Promise<void> => {
    while (!closing.signal.aborted && place.living === undefined) {
      // It ends by itself when database or queue are away: then it is started again.
      const child = await spawn(place.role).catch(() => undefined);
      if (child === undefined) await delay(500);
      else {
        everyone.push(child);
        place.living = child;
      }
    }
  };
  const fills = new Set<Promise<void>>();
  const refill = (place: Place): Promise<void> => {
    const filling = fill(place).finally(() => fills.delete(filling));
    fills.add(filling);
    return filling;
  };
  await Promise.all(places.map(refill));

  return {
    size: places.length,
    get living() {
      return places.filter(({ living }) => living !== undefined).length;
    },
    get kills() {
      return kills;
    },
    async kill(number) {
      const place = places[number];
      const child = place?.living;
      if (place === undefined || child === undefined) return false;
      place.living = undefined;
      await child.kill();
      kills += 1;
      void refill(place);
      return true;
    },
    output: () => everyone.map((child) => child.output()).join('\n'),
    async close() {
      closing.abort();
      await Promise.all(fills);
      await Promise.all(everyone.map((child) => child.kill()));
    },
  };
}
