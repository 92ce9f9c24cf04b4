import type { FieldProblem } from '../errors.ts';
import type { PostDesk, Verdict } from './desk.ts';
import type { PlacedRow } from './placing.ts';
import type { CalendarProblem } from './problem.ts';
import { judgeWhole } from './whole-verdict.ts';

export interface Judged {
  /** What may be created, in the order of the file. */
  readonly good: readonly PlacedRow[];
  /** What an earlier import brought already. */
  readonly known: readonly { readonly row: PlacedRow; readonly id: string }[];
  readonly problems: readonly CalendarProblem[];
  readonly warnings: readonly CalendarProblem[];
}

export async function judgeRows(rows: readonly PlacedRow[], desk: PostDesk): Promise<Judged> {
  const good: PlacedRow[] = [];
  const known: { row: PlacedRow; id: string }[] = [];
  const problems: CalendarProblem[] = [];
  const warnings: CalendarProblem[] = [];
  for (const row of rows) {
    const { reference } = row.post;
    const id =
      reference === undefined ? undefined : await desk.findByReference(row.tenantId, reference);
    if (id !== undefined) {
      known.push({ row, id });
      continue;
    }
    const verdict = asDraft(row, await judgeWhole(row, desk));
    warnings.push(...verdict.warnings.map((warning) => inRow(row, warning)));
    if (verdict.errors.length === 0) good.push(row);
    else problems.push(...verdict.errors.map((error) => inRow(row, error)));
  }
  return { good, known, problems, warnings };
}

/** What must hold for any post, or it could not even be stored as a draft. */
const storageRules = new Set([
  'one_due_time',
  'timezone_needs_local_time',
  'timezone_known',
  'offset_required',
  'time_format',
  'time_exists',
  'time_range',
  'local_time_without_offset',
  'local_time_does_not_exist',
]);

/** The verdict is that of approval; a draft may break its rules until then. */
function asDraft({ post }: PlacedRow, verdict: Verdict): Verdict {
  if (post.status === 'approved' || !verdict.isReadable) return verdict;
  const { errors = [], forgiven = [] } = Object.groupBy(verdict.errors, ({ rule }) =>
    storageRules.has(rule) ? 'errors' : 'forgiven',
  );
  return { ...verdict, errors, warnings: [...forgiven, ...verdict.warnings] };
}

export interface Created {
  readonly created: readonly { readonly row: PlacedRow; readonly id: string }[];
  readonly problems: readonly CalendarProblem[];
}

/** As many as one batch of the API takes. */
const batchSize = 500;

/** Tenant by tenant, in batches, each batch stored before the next one begins. */
export async function createRows(
  rows: readonly PlacedRow[],
  desk: PostDesk,
  onProgress: (done: number) => void,
): Promise<Created> {
  const created: { row: PlacedRow; id: string }[] = [];
  const problems: CalendarProblem[] = [];
  for (const [tenantId, own] of Map.groupBy(rows, (row) => row.tenantId)) {
    for (let start = 0; start < own.length; start += batchSize) {
      const batch = own.slice(start, start + batchSize);
      const answers = await desk.create(
        tenantId,
        batch.map(({ body }) => body),
      );
      for (const [index, row] of batch.entries()) {
        const answer = answers[index];
        if (answer === undefined) continue;
        if ('id' in answer) created.push({ row, id: answer.id });
        else problems.push(...refusedProblems(row, answer.problem));
      }
      onProgress(created.length);
    }
  }
  return { created, problems };
}

function refusedProblems(
  row: PlacedRow,
  { message, errors }: { readonly message: string; readonly errors: readonly FieldProblem[] },
): CalendarProblem[] {
  if (errors.length > 0) return errors.map((error) => inRow(row, error));
  return [{ line: row.line, column: '', rule: 'refused', message }];
}

function inRow({ line }: PlacedRow, { path, rule, message }: FieldProblem): CalendarProblem {
  return { line, column: columnOf(path), rule, message };
}

/** `media[2].url` is in the column `media`, its alt text in a column of its own. */
function columnOf(path: string): string {
  if (path.endsWith('.alt_text')) return 'alt_text';
  const [name = ''] = path.split(/[.[]/, 1);
  return name === 'integration_id' ? 'page' : name;
}
