import { z } from 'zod';
import type { FieldProblem } from '../errors.ts';
import { fieldProblemSchema } from './fields.ts';
import { type ProblemKind, problemKindOf, problemKinds } from './problem-codes.ts';

/** A problem before it knows which request it answers. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly retryAfterS?: number;
  /** Headers beyond those that every problem has. */
  readonly headers?: Readonly<Record<string, string>>;
}

export const problemSchema = z
  .strictObject({
    type: z.string().meta({ description: 'The address of a page about this `code`.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'Stable; see /problems for all of them.' }),
    instance: z.string().meta({ description: 'The address that was asked, without its query.' }),
    request_id: z.string(),
    errors: z.array(fieldProblemSchema).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });

export type ProblemDocument = z.output<typeof problemSchema>;

/** A problem of a known code; a code that nobody listed is internal. */
export function problemOf(
  code: string,
  detail: string,
  more: Partial<Pick<Problem, 'errors' | 'retryAfterS' | 'headers' | 'status'>> = {},
): Problem {
  const kind: ProblemKind = problemKindOf(code) ?? problemKinds.internal;
  const status = more.status ?? kind.status;
  const waits = status === 503 || status === 429;
  return {
    ...(waits ? { retryAfterS: 5 } : {}),
    ...more,
    status,
    code,
    title: kind.title,
    detail,
  };
}

export function problemDocument(
  problem: Problem,
  request: { readonly publicUrl: string; readonly path: string; readonly id: string },
): ProblemDocument {
  return {
    type: `${request.publicUrl}/problems/${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    code: problem.code,
    instance: request.path,
    request_id: request.id,
    ...(problem.errors === undefined || problem.errors.length === 0
      ? {}
      : { errors: [...problem.errors] }),
  };
}
