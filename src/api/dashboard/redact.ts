/** Ids, numbers and flags are shown; every other text of a job's payload is not. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return isId(value) ? value : '[redacted]';
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redact(inner)]));
}

function isId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-\d{1,9})?$/i.test(text);
}
