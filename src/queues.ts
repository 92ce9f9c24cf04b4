/**
 * The queues of the background role, each with how many of its jobs one process does at once. Work that comes in floods
 * gets a queue of its own, so that reconciliation, edits and read-backs do not wait behind it.
 */
export const backgroundQueues = [{ name: 'background', concurrency: 4 }] as const;

export type BackgroundQueue = (typeof backgroundQueues)[number]['name'];

/** Every queue there is: each provider that publishes has one of its own name. */
export function queueNames(providers: Iterable<string>): readonly string[] {
  return [...providers, ...backgroundQueues.map(({ name }) => name)];
}
