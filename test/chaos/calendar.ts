import type { Database } from '../../src/db/client.ts';
import type { Meta } from '../support/meta.ts';
import { anIntegration, somePosts, type TestPost } from '../support/rows.ts';

/** In every planted token and app secret: wherever it is found, a secret was kept. */
export const planted = 'planted-words-that-nobody-takes-for-a-secret';
export const plantedApp = { id: '7700770077', secret: `${planted}-app` } as const;

export interface StormPage {
  readonly id: string;
  readonly token: string;
  readonly tenantId: string;
  readonly integrationId: string;
}

/** Pages of an app that wants proofs, with tokens whose shape tells nothing. */
export async function makePages(
  meta: Meta,
  db: Database,
  count: number,
): Promise<readonly StormPage[]> {
  await meta.control('POST', 'apps', { ...plantedApp, require_appsecret_proof: true });
  const pages: StormPage[] = [];
  for (let number = 0; number < count; number += 1) {
    const { id } = await meta.page({ app_id: plantedApp.id });
    const token = `${planted}-${number}`;
    await meta.control('POST', 'tokens', {
      page_id: id,
      app_id: plantedApp.id,
      access_token: token,
    });
    const owner = await anIntegration(db, { autoPublish: true, accountId: id, token });
    pages.push({ id, token, tenantId: owner.tenantId, integrationId: owner.integrationId });
  }
  return pages;
}

export interface StormPost extends TestPost {
  readonly message: string;
  readonly media: readonly { readonly type: 'image'; readonly url: string }[];
}

/** Mostly texts, some links, one in twenty-five with photos; every message is its own. */
export function postsOf(meta: Meta, page: number, count: number): readonly StormPost[] {
  return Array.from({ length: count }, (_, number) => {
    const photos = number % 50 === 7 ? (page % 4 === 0 ? 2 : 1) : number % 50 === 31 ? 1 : 0;
    const media = Array.from({ length: photos }, (__, n) => ({
      type: 'image' as const,
      url: meta.image(n),
    }));
    const isLink = photos === 0 && number % 10 === 5;
    return {
      message: `page ${page} post ${number}.`,
      media,
      publishMode: 'publish',
      ...(isLink ? { link: 'https://example.com/news' } : {}),
    };
  });
}

/** All due now. */
export async function approveAll(
  meta: Meta,
  db: Database,
  pages: readonly StormPage[],
  posts: number,
): Promise<void> {
  for (const [number, page] of pages.entries()) {
    const owner = { ...page, accountId: page.id };
    const share = shareOf(number, pages.length, posts);
    await somePosts(db, owner, postsOf(meta, number, share));
  }
}

/** So that all shares together are exactly `posts`. */
export function shareOf(page: number, pages: number, posts: number): number {
  return Math.floor(posts / pages) + (page < posts % pages ? 1 : 0);
}
