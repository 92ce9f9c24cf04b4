import type { CalendarRow } from './calendar.ts';
import type { CalendarProblem } from './problem.ts';

/** A row that knows its tenant and its Page. */
export interface PlacedRow extends CalendarRow {
  readonly tenantId: string;
  /** The body of `POST /v1/posts`. */
  readonly body: Readonly<Record<string, unknown>> & { readonly integration_id: string };
}

/** Where posts can go. Either throws an error whose message says what is not there, or what is ambiguous. */
export interface Directory {
  findTenant(text: string): Promise<{ readonly id: string }>;
  findIntegration(tenantId: string, text: string): Promise<{ readonly id: string }>;
  /** Whether an error of the two above means "not there", and not that the program failed. */
  isRefusal(error: unknown): error is Error;
}

export interface Placing {
  readonly placed: readonly PlacedRow[];
  readonly problems: readonly CalendarProblem[];
}

export async function placeRows(
  rows: readonly CalendarRow[],
  directory: Directory,
): Promise<Placing> {
  const placed: PlacedRow[] = [];
  const problems: CalendarProblem[] = [];
  for (const row of rows) {
    const tenant = await look(directory, row, 'tenant', () => directory.findTenant(row.tenant));
    if ('rule' in tenant) {
      problems.push(tenant);
      continue;
    }
    const page = await look(directory, row, 'page', () =>
      directory.findIntegration(tenant.id, row.page),
    );
    if ('rule' in page) problems.push(page);
    else
      placed.push({ ...row, tenantId: tenant.id, body: { ...row.post, integration_id: page.id } });
  }
  return { placed, problems };
}

async function look(
  directory: Directory,
  { line }: CalendarRow,
  column: 'tenant' | 'page',
  find: () => Promise<{ readonly id: string }>,
): Promise<{ readonly id: string } | CalendarProblem> {
  try {
    return await find();
  } catch (error) {
    if (!directory.isRefusal(error)) throw error;
    return { line, column, rule: `${column}_known`, message: error.message };
  }
}
