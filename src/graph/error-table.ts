import { accountErrors } from './account-errors.ts';
import type { ErrorLine } from './error-line.ts';
import { generalErrors } from './general-errors.ts';
import { mediaErrors } from './media-errors.ts';

export const errorTable: readonly ErrorLine[] = [...accountErrors, ...mediaErrors];

/** What each key means and what to do; of lines with the same key the first one says it. */
export function errorTexts(): { key: string; meaning: string; action: string }[] {
  const lines = [...errorTable, ...Object.values<ErrorLine>(generalErrors)].toReversed();
  const byKey = new Map(lines.map((line) => [line.key, line]));
  return [...byKey.values()]
    .map(({ key, user_message: meaning, action }) => ({ key, meaning, action }))
    .toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

export interface Found {
  readonly line: ErrorLine;
  /** False when the code alone led here: then other signs (is_transient, HTTP 5xx) may weigh more. */
  readonly isExact: boolean;
}

/** From here on a number means the same whether it comes as code or as subcode. */
const firstGlobalNumber = 1_000_000;
/** Session codes share the subcodes of 190. */
const sessionCodes = new Set([102, 450, 452]);

/** By all that a line may name: code, subcode, `type`, and whether the account itself was called. */
const byName = new Map<string, ErrorLine>();
const byCode = new Map<number, ErrorLine>();
const byNumber = new Map<number, ErrorLine>();
const ranges: { readonly first: number; readonly last: number; readonly line: ErrorLine }[] = [];

for (const line of errorTable) index(line);

function index(line: ErrorLine): void {
  const { code, subcode } = line;
  if (typeof code === 'object') {
    ranges.push({ first: code[0], last: code[1], line });
    return;
  }
  const isSpecial = line.type !== undefined || line.onAccount === true;
  if (isSpecial || (code !== undefined && subcode !== undefined)) byName.set(nameOf(line), line);
  if (isSpecial) return;
  if (code !== undefined && subcode === undefined) byCode.set(code, line);
  for (const number of [subcode, code]) {
    if (number === undefined || number < firstGlobalNumber) continue;
    if (!byNumber.has(number)) byNumber.set(number, line);
  }
}

function nameOf({ code, subcode, type, onAccount }: Partial<ErrorLine>): string {
  return [String(code), subcode ?? '', type ?? '', onAccount === true ? 'account' : ''].join('/');
}

export interface Numbers {
  readonly code: number | null;
  readonly subcode: number | null;
  readonly type: string | null;
  /** The call was made on the account itself. */
  readonly isOnAccount: boolean;
}

/** The line of an answer's numbers: the most special one first, subcode before code, one code before a range. */
export function findLine({ code, subcode, type, isOnAccount }: Numbers): Found | null {
  const exact =
    findSpecial({ code, subcode, type, isOnAccount }) ??
    (subcode === null ? undefined : findBySubcode(code, subcode));
  if (exact !== undefined) return { line: exact, isExact: true };
  if (code === null) return null;
  const line = byNumber.get(code) ?? byCode.get(code) ?? findInRanges(code);
  return line === undefined ? null : { line, isExact: false };
}

function findSpecial({ code, subcode, type, isOnAccount }: Numbers): ErrorLine | undefined {
  if (code === null) return undefined;
  const numbers = { code, ...(subcode === null ? {} : { subcode }) };
  const onAccount = isOnAccount ? byName.get(nameOf({ ...numbers, onAccount: true })) : undefined;
  return onAccount ?? (type === null ? undefined : byName.get(nameOf({ ...numbers, type })));
}

function findBySubcode(code: number | null, subcode: number): ErrorLine | undefined {
  const owner = code !== null && sessionCodes.has(code) ? 190 : code;
  const named = owner === null ? undefined : byName.get(nameOf({ code: owner, subcode }));
  return named ?? byNumber.get(subcode);
}

function findInRanges(code: number): ErrorLine | undefined {
  return ranges.find(({ first, last }) => first <= code && code <= last)?.line;
}
