import type { FieldProblem } from '../errors.ts';
import type { CalendarRow } from './calendar.ts';
import type { CalendarProblem } from './table.ts';

interface Verdict {
  /** False when it is no post at all: then not even a draft of it can be stored. */
  readonly isReadable: boolean;
  readonly errors: readonly FieldProblem[];
  readonly warnings: readonly FieldProblem[];
}

export type Creation =
  | { readonly id: string }
  | { readonly problem: { readonly message: string; readonly errors: readonly FieldProblem[] } };

/** What the import needs of the program; the command gives it the API's own routes. */
export interface PostDesk {
  /** The id of the tenant's post with this reference, if there is one. */
  findByReference(tenantId: string, reference: string): Promise<string | undefined>;
  /** The rules' verdict on a body of `POST /v1/posts`; nothing is stored. */
  validate(tenantId: string, body: PlacedRow['body']): Promise<Verdict>;
  /** One answer per body, in their order. */
  create(tenantId: string, bodies: readonly PlacedRow['body'][]): Promise<Creation[]>;
}

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

type Body = PlacedRow['body'];

const timeFields = ['scheduled_at', 'scheduled_local', 'timezone'] as const;

/**
 * Every problem of a body. The API names those of one stage at a time: here what it refused is put right or left out,
 * and it is asked again, until it has nothing new to say. What only follows from that is not told.
 */
async function judgeWhole(
  { tenantId, body }: Pick<PlacedRow, 'tenantId' | 'body'>,
  desk: PostDesk,
): Promise<Verdict> {
  const errors: FieldProblem[] = [];
  const mended = new Set<string>();
  let asked = body;
  for (;;) {
    const verdict = await desk.validate(tenantId, asked);
    const news = verdict.errors.filter((problem) => isNews(problem, body, mended));
    errors.push(...news);
    const broken = fieldsToMend(news, verdict).filter((name) => asked[name] !== undefined);
    if (broken.length === 0) {
      const isReadable = verdict.isReadable && mended.size === 0;
      return { isReadable, errors, warnings: verdict.warnings };
    }
    for (const name of broken) mended.add(name);
    asked = mend(asked, broken);
  }
}

/** A row without a Page has been told so already. */
function isNews({ path }: FieldProblem, body: Body, mended: ReadonlySet<string>): boolean {
  const field = fieldOf(path);
  if (field === 'integration_id' && body.integration_id === undefined) return false;
  return !mended.has(field);
}

/** What keeps the API from judging the rest: anything that it cannot read, and a due time that is none. */
function fieldsToMend(news: readonly FieldProblem[], { isReadable }: Verdict): readonly string[] {
  const fields = news.map(({ path }) => fieldOf(path));
  const isTime = fields.some((field) => timeFields.some((name) => name === field));
  const unread = isReadable ? [] : fields;
  return isTime ? [...new Set([...unread, ...timeFields])] : unread;
}

/** In place of a text, a picture or a time something that no rule minds, as without it others would break. */
function mend(body: Body, broken: readonly string[]): Body {
  const left = Object.entries(body).filter(([name]) => !broken.includes(name));
  return {
    ...Object.fromEntries(left),
    ...(broken.includes('message') ? { message: 'text' } : {}),
    ...(broken.includes('media')
      ? { media: [{ type: 'image', url: 'https://media.invalid/image.jpg' }] }
      : {}),
    ...(broken.some((name) => name.startsWith('scheduled_')) ? { scheduled_at: tomorrow() } : {}),
  };
}

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString();
}

function fieldOf(path: string): string {
  return path.split(/[.[]/, 1)[0] ?? '';
}
