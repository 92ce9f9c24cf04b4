export interface DecodedText {
  readonly text: string;
  /** Lines, counted from 1, that hold bytes which are not UTF-8. */
  readonly badLines: ReadonlySet<number>;
}

const lineFeed = 0x0a;

/** Undefined for UTF-16, which spreadsheets like to write as "Unicode text". */
export function decodeText(bytes: Uint8Array): DecodedText | undefined {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return undefined;
  // A byte order mark is dropped by the decoder itself.
  return { text: new TextDecoder().decode(bytes), badLines: findBadLines(bytes) };
}

function findBadLines(bytes: Uint8Array): Set<number> {
  const bad = new Set<number>();
  if (isUtf8(bytes)) return bad;
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const found = bytes.indexOf(lineFeed, start);
    const end = found === -1 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(start, end))) bad.add(line);
    start = end + 1;
  }
  return bad;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
