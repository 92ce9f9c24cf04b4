import { createGraphClient } from '../graph/client.ts';
import { createFacebook } from './facebook/index.ts';
import type { Provider } from './provider.ts';
import type { ProviderSettings } from './settings.ts';

/** The registry: one line a provider. */
const creators = {
  facebook: (settings: ProviderSettings) =>
    createFacebook(createGraphClient(settings), settings.websiteUrl),
} as const satisfies Record<string, (settings: ProviderSettings) => Provider>;

export type ProviderName = keyof typeof creators;
export type Providers = Readonly<Record<ProviderName, Provider>>;

export const providerNames: readonly ProviderName[] = ['facebook'];

export function isProviderName(name: string): name is ProviderName {
  return Object.hasOwn(creators, name);
}

export function createProviders(settings: ProviderSettings): Providers {
  return { facebook: creators.facebook(settings) };
}
