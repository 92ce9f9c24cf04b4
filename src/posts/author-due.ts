import type { PostPatch } from './author-input.ts';
import { brokenRules } from './author-outcome.ts';
import type { AuthorScope } from './author-scope.ts';
import type { PostRow } from './post-row.ts';
import { type DueTime, readDueTime } from './wall-time.ts';

/** Whichever of the two forms is given replaces the other; a zone alone moves the wall time there is. */
export function mergeDueTime(scope: AuthorScope, row: PostRow, patch: PostPatch): DueTime {
  const { scheduled_at: instant, scheduled_local: local, timezone } = patch;
  if (instant === undefined && local === undefined && (timezone ?? null) === null) {
    return {
      scheduledAt: row.scheduled_at,
      scheduledLocal: row.scheduled_local,
      timezone: row.timezone,
    };
  }
  const isZoneAlone = instant === undefined && local === undefined;
  const read = readDueTime(
    {
      scheduledAt: instant,
      scheduledLocal: isZoneAlone ? row.scheduled_local : local,
      timezone: timezone ?? (typeof local === 'string' ? row.timezone : null),
    },
    scope.timezone,
  );
  if (read.due === null) throw brokenRules([read.problem]);
  return read.due;
}
