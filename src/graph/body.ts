/** Numbers of 16 digits and more: ids that a JavaScript number would change. */
const longNumber = /[:[,]\s*-?\d{16,}\s*[,\]}]/;

/**
 * Graph's JSON, whatever the content type said; `undefined` when it is none. Ids have come as bare
 * numbers (restfb#918), and 17 digits do not fit a number, so such ones become text.
 */
export function parseBody(text: string): unknown {
  try {
    if (!longNumber.test(text)) return JSON.parse(text);
    return JSON.parse(text.replace(/("(?:[^"\\]|\\.)*")|(-?\d{16,})(?=\s*[,\]}])/g, quoteNumber));
  } catch {
    return undefined;
  }
}

function quoteNumber(_all: string, text: string | undefined, digits: string | undefined): string {
  return text ?? `"${digits ?? ''}"`;
}
