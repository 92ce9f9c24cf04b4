/** The columns of a calendar file, in the order in which docs/calendar-csv.md explains them. */
export const calendarColumns = [
  'tenant',
  'page',
  'message',
  'link',
  'append_link',
  'media',
  'alt_text',
  'publish_mode',
  'scheduled_at',
  'scheduled_local',
  'timezone',
  'status',
  'reference',
] as const;
export type CalendarColumn = (typeof calendarColumns)[number];

export const requiredColumns: readonly CalendarColumn[] = ['tenant', 'page'];

/** Read and never judged, so that a file can carry what only its owner needs (the demo's, for one). */
export const ignoredColumns: readonly string[] = ['expect', 'note'];

export function isCalendarColumn(name: string): name is CalendarColumn {
  return calendarColumns.some((column) => column === name);
}
