import { createGraphClient } from '../graph/client.ts';
import { createFacebook, type ProviderSettings } from './facebook/index.ts';
import type { Provider, Publishing } from './provider.ts';

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
