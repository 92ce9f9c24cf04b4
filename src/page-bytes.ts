/** Where a page of a list ends, however few items it has by then: it is one text in memory until it was read. */
export const pageBytes = 8 * 1024 * 1024;

/** The first of these that fit on a page as JSON, at least one. */
export function fitPage<Item>(items: readonly Item[]): readonly Item[] {
  let bytes = 0;
  const end = items.findIndex((item, index) => {
    bytes += Buffer.byteLength(JSON.stringify(item));
    return bytes > pageBytes && index > 0;
  });
  return end === -1 ? items : items.slice(0, end);
}
