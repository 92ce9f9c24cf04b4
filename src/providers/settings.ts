/** What every provider is built from: where Meta's hosts are, how long a call may take, where to log. */
export type { GraphSettings } from '../graph/client.ts';
