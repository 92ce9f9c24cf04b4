import { z } from 'zod';
import { idSchema } from './id.ts';

const target = z
  .looseObject({
    id: idSchema.optional().catch(undefined),
    url: z.string().optional().catch(undefined),
  })
  .optional()
  .catch(undefined);
const part = z.looseObject({ target });
const attachment = z.looseObject({
  target,
  url: z.string().optional().catch(undefined),
  unshimmed_url: z.string().optional().catch(undefined),
  subattachments: z
    .looseObject({ data: z.array(part).catch([]) })
    .optional()
    .catch(undefined),
});
const attachments = z.looseObject({ data: z.array(attachment).catch([]) });

/** The photos and links that a post shows; nothing of what cannot be read. */
export function readAttachments(value: unknown): {
  readonly photoIds: readonly string[];
  readonly links: readonly string[];
} {
  const list = attachments.safeParse(value).data?.data ?? [];
  const parts = list.flatMap((one) => [one, ...(one.subattachments?.data ?? [])]);
  return {
    photoIds: parts.flatMap((one) => one.target?.id ?? []),
    links: list.flatMap((one) =>
      [one.unshimmed_url, one.url, one.target?.url].flatMap((url) =>
        url === undefined ? [] : [unshim(url)],
      ),
    ),
  };
}

/** Facebook shows links through its own redirect: `https://l.facebook.com/l.php?u=<link>`. */
function unshim(url: string): string {
  const parsed = URL.parse(url);
  const isShim = parsed?.hostname.endsWith('facebook.com') === true && parsed.pathname === '/l.php';
  return (isShim ? parsed.searchParams.get('u') : null) ?? url;
}
