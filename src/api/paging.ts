import { z } from 'zod';
import { fitPage } from '../page-bytes.ts';

const defaultLimit = 50;
const maxLimit = 200;

/** The query parameters of every list; spread them into the route's own: `z.strictObject({ ...pageShape, … })`. */
export const pageShape = {
  limit: z
    .string()
    .regex(/^\d{1,4}$/, { error: 'must be a whole number' })
    .transform(Number)
    .pipe(z.number().min(1).max(maxLimit))
    .default(defaultLimit)
    .meta({
      type: 'integer',
      minimum: 1,
      maximum: maxLimit,
      default: defaultLimit,
      description:
        'How many at most; a page of large ones ends earlier, and `next_cursor` goes on from there.',
    }),
  cursor: z
    .string()
    .transform((text, context) => {
      const id = decodeCursor(text);
      if (id !== undefined) return id;
      const message = 'is not a cursor of ours: copy next_cursor as it is';
      context.addIssue({ code: 'custom', message, params: { rule: 'cursor' } });
      return z.NEVER;
    })
    .optional()
    .meta({ description: 'The `next_cursor` of the page before; opaque.' }),
};

/** The answer of a list of such items: of a `Post` it is called `PostList`. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  const list = z.strictObject({
    data: z.array(item),
    next_cursor: z.string().nullable().meta({ description: 'Null on the last page.' }),
  });
  const name = item.meta()?.id;
  return name === undefined ? list : list.meta({ id: `${name}List` });
}

/**
 * The answer of a list, of rows newest first of which one more than `limit` was asked for. It has fewer where they are
 * large. `isCut`: there are more than these rows.
 */
export function pageOf<Row extends { readonly id: string }, Item>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => Item,
  isCut = false,
): { readonly data: readonly Item[]; readonly next_cursor: string | null } {
  const data = fitPage(rows.slice(0, limit).map(view));
  const last = rows[data.length - 1];
  const hasMore = (isCut || rows.length > data.length) && last !== undefined;
  return { data, next_cursor: hasMore ? encodeCursor(last.id) : null };
}

const prefix = 'v1:';

function encodeCursor(id: string): string {
  return Buffer.from(`${prefix}${id}`).toString('base64url');
}

function decodeCursor(cursor: string): string | undefined {
  const text = Buffer.from(cursor, 'base64url').toString();
  const id = z.guid().safeParse(text.slice(prefix.length));
  return text.startsWith(prefix) && id.success ? id.data : undefined;
}
