import { unknownPath } from './graph-error.ts';

const living = new Set(['v21.0', 'v22.0', 'v23.0', 'v24.0', 'v25.0', 'v26.0']);
const oldest = 'v21.0';

/** The version that serves the call: a dead or absent one is quietly served as the oldest still living. */
export function servedVersion(asked: string | null): string {
  if (asked === null) return oldest;
  return living.has(asked) ? asked : oldest;
}

/** A version that has not appeared yet is an unknown path. */
export function checkVersion(asked: string | null): void {
  if (asked !== null && Number(asked.slice(1)) > 26) throw unknownPath(`/${asked}`);
}
