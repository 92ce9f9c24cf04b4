import type { Logger } from '../log.ts';

/** What every provider is built from: where Meta's hosts are and how long a call may take. */
export interface GraphSettings {
  readonly baseUrl: string;
  /** `v26.0` */
  readonly version: string;
  readonly timeoutMs: number;
  readonly logger: Logger;
}
