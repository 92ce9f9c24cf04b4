/**
 * The page without what loads from elsewhere, and without the buttons whose routes are absent. The classes are Bull
 * Board's own, so its version is pinned; should one change, the button shows and is refused.
 */
export function fitPage(html: string): string {
  return html
    .replace(/<link[^>]+fonts\.googleapis\.com[^>]*>/g, '')
    .replace('</head>', `<style>${hidden}</style></head>`);
}

/** Bull Board's script sets styles on elements; everything else comes from here. */
export const pageHeaders = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/**
 * Of a failed job and of all of them only the first button, which retries, and no menu of the queue; of the overview
 * no tab of a state that our jobs never have.
 */
const hidden = `
[class*="jobActions-"] > li:not(:first-child), [class*="queueActions-"] > li:not(:first-child),
button[class*="trigger-"][aria-haspopup="menu"],
a[href$="?status=waiting-children"], a[href$="?status=prioritized"], a[href$="?status=delayed"], a[href$="?status=paused"]
{ display: none !important; }`;
