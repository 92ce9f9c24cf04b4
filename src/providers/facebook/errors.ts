import { errorTexts } from '../../graph/error-table.ts';
import type { ErrorText } from '../provider.ts';

/** Those of Meta's table, and what we find out ourselves about a token or an id before Meta is asked. */
export const errors: readonly ErrorText[] = [
  ...errorTexts(),
  {
    key: 'token_invalid',
    meaning: 'Meta says that the token is not valid.',
    action: 'Connect the Page again with a new token.',
  },
  {
    key: 'scope_missing',
    meaning: 'The token may not publish on this Page.',
    action: 'Connect the Page again, and grant the permission that `message` names.',
  },
  {
    key: 'token_is_user_token',
    meaning: 'The token is one of a person or of another Page, not the one of this Page.',
    action: 'Take the Page access token of this Page (me/accounts lists it), not the user token.',
  },
  {
    key: 'facebook_id_malformed',
    meaning: 'The id of the Page or post is not one that Facebook uses: digits only.',
    action: 'Connect the Page with its numeric id.',
  },
];
