import { createGraphClient, type GraphSettings } from '../graph/client.ts';
import { createFacebook, type FacebookSettings } from './facebook/index.ts';
import type { Provider, Publishing } from './provider.ts';

/** What every provider is built from: where Meta's hosts are, how long a call may take, where to log. */
export type ProviderSettings = GraphSettings & FacebookSettings;

/** The registry: one line a provider. */
const creators: readonly ((settings: ProviderSettings) => Provider)[] = [
  (settings) => createFacebook(createGraphClient(settings), settings),
];

export function createProviders(settings: ProviderSettings): readonly Provider[] {
  return creators.map((create) => create(settings));
}

/** Those that posts go out through. */
export function publishersOf(providers: Iterable<Provider>): ReadonlyMap<string, Publishing> {
  return new Map(
    [...providers].flatMap(({ name, publishing }) => (publishing ? [[name, publishing]] : [])),
  );
}
