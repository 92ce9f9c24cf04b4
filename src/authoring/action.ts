import { ConflictError } from '../errors.ts';
import type { PostStatus } from '../posts/post.ts';

export const authorActions = ['approve', 'withdraw', 'cancel', 'retry'] as const;
export type AuthorAction = (typeof authorActions)[number];

/** What an author's wish means for a post in some status. `holds`: it is so already, or came to its end since. */
export type ActionStep =
  | { readonly kind: 'change'; readonly to: PostStatus }
  | { readonly kind: 'holds' }
  /** It may be live: it is looked for at once, and sent again only once it is proven absent. */
  | { readonly kind: 'look' }
  | { readonly kind: 'refused'; readonly error: ConflictError };

const targets = {
  approve: 'approved',
  withdraw: 'draft',
  cancel: 'cancelled',
  retry: 'approved',
} as const satisfies Record<AuthorAction, PostStatus>;

type Verdict = 'change' | 'holds' | 'refused' | 'look';

/** The arrows of an author, one line a status; the triggers of the table say the same to everyone who writes SQL. */
const verdicts: Readonly<Record<PostStatus, Readonly<Record<AuthorAction, Verdict>>>> = {
  draft: { approve: 'change', withdraw: 'holds', cancel: 'change', retry: 'refused' },
  in_review: { approve: 'change', withdraw: 'change', cancel: 'change', retry: 'refused' },
  approved: { approve: 'holds', withdraw: 'change', cancel: 'change', retry: 'holds' },
  queued: { approve: 'holds', withdraw: 'change', cancel: 'change', retry: 'holds' },
  publishing: { approve: 'holds', withdraw: 'change', cancel: 'change', retry: 'holds' },
  published: { approve: 'holds', withdraw: 'refused', cancel: 'refused', retry: 'refused' },
  scheduled: { approve: 'holds', withdraw: 'refused', cancel: 'change', retry: 'refused' },
  drafted: { approve: 'holds', withdraw: 'refused', cancel: 'change', retry: 'refused' },
  failed: { approve: 'refused', withdraw: 'refused', cancel: 'change', retry: 'change' },
  missed: { approve: 'refused', withdraw: 'refused', cancel: 'change', retry: 'change' },
  unknown: { approve: 'holds', withdraw: 'refused', cancel: 'change', retry: 'look' },
  cancelled: { approve: 'refused', withdraw: 'refused', cancel: 'holds', retry: 'refused' },
};

export function judgeAction(action: AuthorAction, status: PostStatus): ActionStep {
  const verdict = verdicts[status][action];
  switch (verdict) {
    case 'change':
      return { kind: 'change', to: targets[action] };
    case 'holds':
      return { kind: 'holds' };
    case 'refused':
      return refuse('conflict', `the post is ${status}: ${reasons[action]}`);
    case 'look':
      return { kind: 'look' };
  }
}

const reasons: Readonly<Record<AuthorAction, string>> = {
  approve: 'only a draft or a post in review is approved; one that failed or was missed is retried',
  withdraw: 'only a post that has not been sent goes back to draft',
  cancel: 'a post that is live can no longer be cancelled',
  retry: 'only a post that failed or was missed is retried',
};

function refuse(code: string, message: string): ActionStep {
  return { kind: 'refused', error: new ConflictError(code, message) };
}
