import type { GraphSettings } from '../graph/client.ts';

/** What every provider is built from: where Meta's hosts are, how long a call may take, where to log. */
export interface ProviderSettings extends GraphSettings {
  /** Where people look at posts, without a slash at its end; Facebook's own website unless it is said. */
  readonly websiteUrl?: string;
  /** 200 unless it is said. */
  readonly facebookCallsPerHour?: number;
  /** Two unless it is said. */
  readonly facebookSteps?: 'two' | 'one';
  /** How long before its time a post is prepared; not at all unless it is said. */
  readonly prepareAheadMs?: number;
}
