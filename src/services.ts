import type { Config } from './config.ts';
import type { Database } from './db/client.ts';
import type { Logger } from './log.ts';
import type { Provider } from './providers/provider.ts';
import type { Queues } from './queue/queues.ts';
import type { Vault } from './vault.ts';

/** What every part of the program is given; made once per process. */
export interface Services {
  readonly config: Config;
  readonly db: Database;
  readonly queues: Queues;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly vault: Vault;
  readonly log: Logger;
}
