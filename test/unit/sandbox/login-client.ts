import { expect } from 'vitest';
import type { Answer, Body, useSandbox } from './sandbox-client.ts';

export const redirectUri = 'http://localhost:3000/callback?from=meta';
export const app = { id: '77', secret: 'shh', name: 'Calendar' };
export const instagramApp = { id: '88', secret: 'hush', name: 'Calendar IG', kind: 'instagram' };
export const pageScopes = 'pages_show_list,pages_manage_posts,pages_read_engagement';
export const instagramScopes = 'instagram_business_basic,instagram_business_content_publish';

/** Any text of this form. */
export function like(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

export const dialog = (params: Record<string, string> = {}) =>
  `/v26.0/dialog/oauth?${query({ client_id: app.id, redirect_uri: redirectUri, state: 's/1', response_type: 'code', scope: pageScopes, ...params })}`;
export const instagramDialog = (params: Record<string, string> = {}) =>
  `/instagram/oauth/authorize?${query({ client_id: instagramApp.id, redirect_uri: redirectUri, state: 's/1', response_type: 'code', scope: instagramScopes, ...params })}`;

/** What a product does to connect, by hand: the address of the dialog, a consent, the calls with the code. */
export function useLogin({
  send,
  control,
}: Pick<ReturnType<typeof useSandbox>, 'send' | 'control'>) {
  async function consent(given: object = {}, path = dialog()): Promise<URL> {
    const body = { authorize_url: `https://www.facebook.com${path}`, ...given };
    return new URL((await control('POST', 'consent', body)).redirect);
  }
  async function codeOf(given: object = {}, path = dialog()): Promise<string> {
    return (await consent(given, path)).searchParams.get('code') ?? '';
  }
  const exchange = (params: Record<string, string>): Promise<Answer> =>
    send(
      'GET',
      `/v26.0/oauth/access_token?${query({ client_id: app.id, client_secret: app.secret, ...params })}`,
    );
  const exchangeCode = (code: string, params: Record<string, string> = {}) =>
    exchange({ code, redirect_uri: redirectUri, ...params });
  const prolong = (token: string) =>
    exchange({ grant_type: 'fb_exchange_token', fb_exchange_token: token });
  /** A person's token of 60 days. */
  async function longToken(given: object = {}, path = dialog()): Promise<string> {
    const short = await exchangeCode(await codeOf(given, path));
    return (await prolong(short.body.access_token)).body.access_token;
  }
  async function debug(token: string, of = app): Promise<Body> {
    const asked = query({ input_token: token, access_token: `${of.id}|${of.secret}` });
    return (await send('GET', `/v26.0/debug_token?${asked}`)).body.data;
  }
  const instagramExchange = (form: Record<string, string>): Promise<Answer> =>
    send('POST', '/instagram-api/oauth/access_token', {
      body: new URLSearchParams({
        client_id: instagramApp.id,
        client_secret: instagramApp.secret,
        grant_type: 'authorization_code',
        redirect_uri: redirectUri,
        ...form,
      }),
    });
  const onInstagram = (path: string, params: Record<string, string>): Promise<Answer> =>
    send('GET', `/instagram-graph/${path}?${query(params)}`);
  return {
    consent,
    codeOf,
    exchange,
    exchangeCode,
    prolong,
    longToken,
    debug,
    instagramExchange,
    onInstagram,
  };
}

export function query(params: Record<string, string>): string {
  return new URLSearchParams(params).toString();
}
