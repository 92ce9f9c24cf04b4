import type { FieldProblem } from '../errors.ts';
import type { PostDesk, Verdict } from './desk.ts';
import type { PlacedRow } from './placing.ts';

type Body = PlacedRow['body'];

const timeFields = ['scheduled_at', 'scheduled_local', 'timezone'] as const;

/**
 * Every problem of a body. The API names those of one stage at a time: here what it refused is put right or left out,
 * and it is asked again, until it has nothing new to say. What only follows from that is not told.
 */
export async function judgeWhole(
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
