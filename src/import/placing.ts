import type { CalendarRow } from './calendar.ts';
import type { CalendarProblem } from './problem.ts';

/** A row that knows its tenant and its Page. */
export interface PlacedRow extends CalendarRow {
  readonly tenantId: string;
  /** The body of `POST /v1/posts`. */
  readonly body: Readonly<Record<string, unknown>> & { readonly integration_id?: string };
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
  /** Of a known tenant but no known Page: no network's rules can be asked about them. */
  readonly astray: readonly PlacedRow[];
  readonly problems: readonly CalendarProblem[];
}

/** An empty tenant or Page is no problem of its own here: reading the row has told it. */
export async function placeRows(
  rows: readonly CalendarRow[],
  directory: Directory,
): Promise<Placing> {
  const placed: PlacedRow[] = [];
  const astray: PlacedRow[] = [];
  const problems: CalendarProblem[] = [];
  for (const row of rows) {
    if (row.tenant === '') continue;
    const tenant = await look(directory, row, 'tenant', () => directory.findTenant(row.tenant));
    if ('rule' in tenant) {
      problems.push(tenant);
      continue;
    }
    const owned = { ...row, tenantId: tenant.id, body: { ...row.post } };
    if (row.page === '') {
      astray.push(owned);
      continue;
    }
    const page = await look(directory, row, 'page', () =>
      directory.findIntegration(tenant.id, row.page),
    );
    if ('rule' in page) {
      problems.push(page);
      astray.push(owned);
    } else {
      placed.push({ ...owned, body: { ...row.post, integration_id: page.id } });
    }
  }
  return { placed, astray, problems };
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
