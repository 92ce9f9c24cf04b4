import type { Account, CallContext } from './account.ts';
import type { Connecting } from './connecting.ts';
import type { Effect, MediaItem, PostContent, PublishMode, StagedMedium } from './content.ts';

/**
 * The contract of a provider: values in, a value or a PublishError out. It knows no rows, retries, queues or
 * configuration, and every call it makes is reported once through `onCall`. What it can do it declares: without
 * `publishing` it gets no queue, no worker and no stubs.
 */
export interface Provider {
  readonly name: string;
  /** Calls with one account's token in any hour, all kinds together. */
  readonly callsPerHour: number;
  readonly connect: Connecting;
  readonly publishing?: Publishing;
}

/** How posts come to be at a network. */
export interface Publishing {
  readonly name: string;
  readonly callsPerHour: number;
  /** Modes it can do at all; Instagram has only `publish`. */
  readonly modes: readonly PublishMode[];
  /** Modes that it can make in two steps, hidden first and then revealed by id; the others are one visible call. */
  readonly hidden: readonly PublishMode[];
  /** How long before its time a hidden post is made. */
  readonly prepareAheadMs: number;
  readonly rules: readonly Rule[];
  /** The errors that it tells of by their keys, for the pages about them. */
  readonly errors: readonly ErrorText[];
  /** When its own scheduler takes a post; null where it has none. */
  readonly handoverWindow: HandoverWindow | null;
  /** How long something staged, or hidden, can be counted on. */
  readonly stagedLivesMs: number;
  /** Calls that a look for an earlier attempt usually needs; more pages are booked one by one. */
  readonly lookCalls: number;

  /** Calls with the token that making this content needs, staging included, without its reveal. */
  callsFor(content: PostContent): number;

  /** Puts one medium at the provider, invisible. May be repeated: an orphan at worst. */
  stage(request: StageRequest, context: CallContext): Promise<StagedMedium>;

  /** Deletes a staged medium that no post will use; one that is gone already counts as deleted. */
  unstage(request: UnstageRequest, context: CallContext): Promise<void>;

  /** Makes the post where nobody outside sees it. May be repeated: an orphan at worst. */
  create(request: CreateRequest, context: CallContext): Promise<Published>;

  /** Makes a hidden post public, now or by the provider's scheduler. Harmless to repeat while it is hidden. */
  reveal(request: RevealRequest, context: CallContext): Promise<void>;

  /**
   * The one visible call, where there are no two steps. Throws a PublishError whose class is `unknown_outcome` unless
   * the answer proves that nothing was created; never repeats the call.
   */
  publish(request: PublishRequest, context: CallContext): Promise<Published>;

  /** Reads a post by its id; null when the provider says that it does not exist. */
  read(request: ReadRequest, context: CallContext): Promise<RemotePost | null>;

  /** Everything that the account shows since a moment, of the modes asked for; what it could not see it says. */
  list(request: ListRequest, context: CallContext): Promise<Listing>;
  /** The post that a staged medium is in, where the provider tells; null proves nothing. One call. */
  postOfMedium(request: MediumRequest, context: CallContext): Promise<string | null>;
  /** Equal for texts that the provider keeps as one and the same. */
  textKeyOf(message: string | null): string;
  /**
   * What no provider changes in a text, for those that are kept otherwise than they were sent: letters, digits, pictures.
   * `*` stands for a place where it may show something else than what was sent.
   */
  skeletonOf(message: string | null): string;
  /** Whether the post shows the very link. */
  showsLink(listed: Pick<ListedPost, 'links'>, link: string): boolean;

  /** The calls that publishing would make, as a person may read them: no secrets, ids that are not known yet named. */
  preview(request: PreviewRequest): readonly PreviewedCall[];

  /** Changes a post that is not live yet. Repeated only after a read that does not show the change. */
  change(request: ChangeRequest, context: CallContext): Promise<void>;

  /** Deletes a post. False when the provider says that it does not exist, or that this token may not see it. */
  delete(request: DeleteRequest, context: CallContext): Promise<boolean>;

  /** Whether the account itself answers: then a post of it that does not is gone. */
  isReadable(account: Account, context: CallContext): Promise<boolean>;

  /** Whether this can be the id of a post of that account at all. */
  isPostOf(externalAccountId: string, externalId: string): boolean;

  /** An address that leads to the post even before it was read back. */
  publishUrl(externalId: string): string;
}

export interface ListRequest {
  readonly account: Account;
  readonly since: Date;
  /** Of each: the list where its posts show. One that went live meanwhile shows on that of `publish`. */
  readonly modes: readonly PublishMode[];
}

export interface Listing {
  readonly posts: readonly ListedPost[];
  readonly lists: readonly SeenList[];
  /** How far the provider's clock is ahead of this machine's; null: it did not say. */
  readonly aheadMs: number | null;
}

/** How far one list was seen. */
export interface SeenList {
  readonly mode: PublishMode;
  /**
   * `whole`: to its end, or back past `since` in an order that its pages prove. `cut`: there was more than could be read.
   * `failed`: an answer was missing, which says nothing. `forbidden`: the token may not read it.
   */
  readonly seen: 'whole' | 'cut' | 'failed' | 'forbidden';
  /** Whether what was read came newest first; null: too little to tell. */
  readonly isNewestFirst: boolean | null;
}

export interface ListedPost {
  readonly externalId: string;
  readonly url: string | null;
  readonly message: string | null;
  readonly links: readonly string[];
  /** Of its photos and videos, and of nothing else that it shows. */
  readonly mediaIds: readonly string[];
  /** `missing`: none were told of, which they may be of a post that has some. `odd`: not understood. */
  readonly mediaState: 'known' | 'missing' | 'odd';
  /** The app that made it; null: not told. */
  readonly appId: string | null;
  readonly isPublished: boolean;
  /** By the provider's clock; of what is live perhaps when it became so. */
  readonly createdAt: Date | null;
  readonly scheduledAt: Date | null;
}

export interface MediumRequest {
  readonly account: Account;
  readonly mediumId: string;
}

export interface PreviewRequest {
  readonly externalAccountId: string;
  readonly content: PostContent;
  readonly mode: PublishMode;
  readonly scheduledAt: Date | null;
  /** Made hidden and then revealed, or by one visible call. */
  readonly inTwoSteps: boolean;
}

export interface PreviewedCall {
  readonly method: string;
  readonly path: string;
  readonly effect: Effect;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface HandoverWindow {
  readonly minAheadMs: number;
  readonly maxAheadMs: number;
  /** What the provider takes for certain where its own pages disagree about `maxAheadMs`. */
  readonly certainAheadMs: number;
}

export interface RuleInput {
  readonly content: PostContent;
  readonly mode: PublishMode;
  readonly scheduledAt: Date | null;
  readonly autoPublish: boolean;
  readonly now: Date;
}

/** What a rule's page tells whoever broke it. */
export interface RuleText {
  /** With its bound. */
  readonly meaning: string;
  readonly action: string;
}

export interface ErrorText extends RuleText {
  readonly key: string;
}

/** A pre-flight check: pure, with the provider's own bound and where it is written. */
export interface Rule extends RuleText {
  readonly id: string;
  readonly severity: 'error' | 'warning';
  readonly source: string;
  /** Every breach of it; empty when the post is fine. Paths in the API's names: `media[2].url`. */
  check(input: RuleInput): readonly RuleBreach[];
}

export interface RuleBreach {
  readonly path: string;
  readonly message: string;
}

export interface StageRequest {
  readonly account: Account;
  readonly medium: MediaItem;
  readonly index: number;
  /** Of the post that it will be part of; some providers keep media of scheduled posts longer. */
  readonly mode: PublishMode;
}

export interface UnstageRequest {
  readonly account: Account;
  /** Of the staged medium. */
  readonly id: string;
}

export interface CreateRequest {
  readonly account: Account;
  readonly content: PostContent;
  /** In the order in which they are shown. */
  readonly staged: readonly StagedMedium[];
}

export interface RevealRequest {
  readonly account: Account;
  /** Of the hidden post. */
  readonly externalId: string;
  /** When the provider's scheduler is to show it; null: now. */
  readonly scheduledAt: Date | null;
}

export interface PublishRequest extends CreateRequest {
  readonly mode: PublishMode;
  /** For `schedule` only. */
  readonly scheduledAt: Date | null;
}

export interface Published {
  readonly externalId: string;
}

export interface ReadRequest {
  readonly account: Account;
  readonly externalId: string;
}

/** A post as its provider has it now. */
export interface RemotePost {
  readonly permalink: string | null;
  readonly message: string | null;
  readonly isPublished: boolean;
  readonly createdAt: Date | null;
  readonly scheduledAt: Date | null;
}

export interface ChangeRequest {
  readonly account: Account;
  readonly externalId: string;
  /** Undefined stays as it is; an empty one takes the text away. */
  readonly message?: string | undefined;
  readonly scheduledAt?: Date | undefined;
}

export interface DeleteRequest {
  readonly account: Account;
  readonly externalId: string;
}
