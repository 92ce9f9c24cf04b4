import { hostname } from 'node:os';
import type { Services } from '../services.ts';
import type { Member } from './fleet-store.ts';
import { placeOf } from './identity.ts';

/** This process, as the others are told of it. */
export function selfOf({ config, vault }: Pick<Services, 'config' | 'vault'>): Member {
  return {
    ...placeOf(config),
    host: hostname(),
    pid: process.pid,
    role: config.role,
    graphBaseUrl: config.graph.baseUrl,
    keyChecks: vault.checks(),
  };
}
