import { createLogger } from '../../src/log.ts';
import { createProviders, type ProviderSettings } from '../../src/providers/index.ts';
import type { Provider, Publishing } from '../../src/providers/provider.ts';

/** The real providers; nobody answers for their networks unless it is said where. */
export function networksAt(settings: Partial<ProviderSettings> = {}): readonly Provider[] {
  const { baseUrl = 'http://127.0.0.1:9' } = settings;
  return createProviders({
    baseUrl,
    instagramWebsiteUrl: `${baseUrl}/instagram`,
    instagramGraphUrl: `${baseUrl}/instagram-graph`,
    instagramApiUrl: `${baseUrl}/instagram-api`,
    version: 'v26.0',
    timeoutMs: 1000,
    logger: createLogger({ level: 'silent' }),
    ...settings,
  });
}

export function providerNamed(name: string, settings: Partial<ProviderSettings> = {}): Provider {
  const provider = networksAt(settings).find((network) => network.name === name);
  if (provider === undefined) throw new Error(`no provider is named ${name}`);
  return provider;
}

export function publisherNamed(name: string, settings: Partial<ProviderSettings> = {}): Publishing {
  const { publishing } = providerNamed(name, settings);
  if (publishing === undefined) throw new Error(`nothing publishes to ${name}`);
  return publishing;
}
