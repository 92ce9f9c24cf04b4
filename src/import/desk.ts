import type { FieldProblem } from '../errors.ts';
import type { PlacedRow } from './placing.ts';

export interface Verdict {
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
