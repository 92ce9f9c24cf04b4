/** To the second, as people compare such times by eye; ours are in UTC. */
export function shortTime(at: string | null | undefined): string {
  return at === null || at === undefined ? '' : at.replace(/\.\d+Z$/, 'Z').replace('T', ' ');
}

/** `0.4 s`, `3 min`, `2 h`. */
export function shortDuration(ms: number): string {
  const seconds = ms / 1000;
  if (Math.abs(seconds) < 90) return `${seconds.toFixed(1)} s`;
  const minutes = seconds / 60;
  return Math.abs(minutes) < 90 ? `${minutes.toFixed(0)} min` : `${(minutes / 60).toFixed(1)} h`;
}
