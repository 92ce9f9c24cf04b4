import { PublishError } from '../../errors.ts';
import { failure } from './failure.ts';

/** `/<node>[/<edge>]`. Refuses ids that could lead anywhere else than to their node. */
export function nodePath(id: string, edge?: string): string {
  if (!/^\d{1,32}(?:_\d{1,32})?$/.test(id)) {
    throw new PublishError(
      failure({
        class: 'invalid',
        key: 'facebook_id_malformed',
        who: 'tenant_admin',
        message: 'The id is not one of Facebook: digits only, or two numbers joined by _',
        user_message: 'The id of the Page or post is not one that Facebook uses.',
        action: 'Connect the Page with its numeric id.',
      }),
    );
  }
  return edge === undefined ? `/${id}` : `/${id}/${edge}`;
}
