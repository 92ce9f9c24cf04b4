import type { Config } from './config/config.ts';
import type { Database } from './db/client.ts';
import type { Logger } from './log.ts';
import { createProviders, publishersOf } from './providers/index.ts';
import type { Provider, Publishing } from './providers/provider.ts';
import type { QueueBackend } from './queue/contract.ts';
import { openQueues, type Queues } from './queue/queues.ts';
import { Vault } from './vault.ts';

/**
 * The queues of the background role, each with how many of its jobs one process does at once. Work that comes in floods
 * gets a queue of its own, so that reconciliation, edits and read-backs do not wait behind it.
 */
export const backgroundQueues = [{ name: 'background', concurrency: 4 }] as const;

export type BackgroundQueue = (typeof backgroundQueues)[number]['name'];

/**
 * Every queue there is: each provider that publishes has one of its own name.
 * @internal for tests
 */
export function queueNames(providers: Iterable<string>): readonly string[] {
  return [...providers, ...backgroundQueues.map(({ name }) => name)];
}

/** What every part of the program is given; made once per process. */
export interface Services {
  readonly config: Config;
  readonly db: Database;
  readonly queues: Queues;
  readonly providers: ReadonlyMap<string, Provider>;
  /** Those of them that posts go out through: each has a queue of its own. */
  readonly publishers: ReadonlyMap<string, Publishing>;
  readonly vault: Vault;
  readonly log: Logger;
}

/** Connects to nothing yet. `directUrl` reaches PostgreSQL itself, for a queue that lives there. */
export function openServices(
  config: Config,
  db: Database,
  log: Logger,
  directUrl: string,
): Services {
  const providers = createProviders({
    ...config.graph,
    ...config.limits,
    facebookSteps: config.facebookSteps,
    prepareAheadMs: config.prepareAheadMs,
    logger: log,
    websiteUrl: websiteOf(config),
    instagramWebsiteUrl: config.hosts.instagramDialog,
    instagramGraphUrl: config.hosts.instagramGraph,
    instagramApiUrl: config.hosts.instagramApi,
  });
  const publishers = publishersOf(providers);
  const queues = openQueues({
    backend: queueBackendOf(config, directUrl),
    names: queueNames(publishers.keys()),
    logger: log,
  });
  return {
    config,
    db,
    queues,
    providers: new Map(providers.map((provider) => [provider.name, provider])),
    publishers,
    vault: new Vault(config.encryptionKeys),
    log,
  };
}

const websiteOfMeta = 'https://www.facebook.com';

/** What answers for Meta on this machine is a sandbox, which shows its posts itself; any other place has to be named. */
function websiteOf({ graph, hosts }: Config): string {
  const isHere = /^(localhost|127\..+|\[::1\])$/.test(new URL(graph.baseUrl).hostname);
  return isHere && hosts.facebookDialog === websiteOfMeta ? graph.baseUrl : hosts.facebookDialog;
}

/** Redis when it is configured, PostgreSQL when not: the one place that chooses. */
export function queueBackendOf(config: Config, directUrl: string): QueueBackend {
  if (config.redisUrl === undefined) return { kind: 'postgres', url: directUrl };
  const prefix = config.queuePrefix;
  return { kind: 'redis', url: config.redisUrl, ...(prefix === undefined ? {} : { prefix }) };
}
