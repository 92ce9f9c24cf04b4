import { createGraphClient, type GraphSettings } from '../graph/client.ts';
import { createFacebook, type FacebookSettings } from './facebook/index.ts';
import { createInstagram, type InstagramSettings } from './instagram/index.ts';
import { createMetaAds } from './meta_ads/index.ts';
import type { Provider, Publishing } from './provider.ts';

/** What every provider is built from: where Meta's hosts are, how long a call may take, where to log. */
export interface ProviderSettings extends GraphSettings, FacebookSettings, InstagramSettings {
  /** Of Instagram's own login; Meta's hosts unless it is said. */
  readonly instagramGraphUrl?: string;
  readonly instagramApiUrl?: string;
}

/** The registry: one line a provider. */
const creators: readonly ((settings: ProviderSettings) => Provider)[] = [
  (settings) => createFacebook(createGraphClient(settings), settings),
  (settings) => createInstagram(instagramClients(settings), settings),
  (settings) => createMetaAds(createGraphClient(settings), settings),
];

function instagramClients(settings: ProviderSettings) {
  const {
    instagramGraphUrl = 'https://graph.instagram.com',
    instagramApiUrl = 'https://api.instagram.com',
  } = settings;
  return {
    facebook: createGraphClient(settings),
    instagram: createGraphClient({ ...settings, baseUrl: instagramGraphUrl }),
    oauth: createGraphClient({ ...settings, baseUrl: instagramApiUrl }),
  };
}

export function createProviders(settings: ProviderSettings): readonly Provider[] {
  return creators.map((create) => create(settings));
}

/** Those that posts go out through. */
export function publishersOf(providers: Iterable<Provider>): ReadonlyMap<string, Publishing> {
  return new Map(
    [...providers].flatMap(({ name, publishing }) => (publishing ? [[name, publishing]] : [])),
  );
}
