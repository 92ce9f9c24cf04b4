import { inject } from 'vitest';

export type QueueBackend = 'redis' | 'postgres';

/** The backends this machine can run, for `describe.each`. */
export function queueBackends(): QueueBackend[] {
  return inject('redisUrl') === undefined ? ['postgres'] : ['redis', 'postgres'];
}

/** Throws where `queueBackends()` does not name `redis`. */
export function redisUrl(): string {
  const url = inject('redisUrl');
  if (url === undefined) throw new Error('This run has no Redis.');
  return url;
}
