import type { ErrorRecord } from '../errors.ts';
import type { Secret } from '../secret.ts';
import type { Account, CallContext, LoginName } from './account.ts';
import type { Seen } from './capabilities.ts';

/**
 * How accounts of a network are connected, and how their tokens are kept alive: values in, values or a PublishError out,
 * every call reported once through `onCall`, as everywhere in the contract.
 */
export interface Connecting {
  /** The most calls that one proof may need. */
  readonly verifyCalls: number;

  /**
   * Proves that the token is the account's and can do what the provider is connected for. Throws reauth, permission or
   * retry; what it could not find out is absent from `seen`.
   */
  verify(account: Account, context: CallContext): Promise<VerifiedAccount>;

  /**
   * What the network knows of the token, without a call that counts for the account where it allows that. Null: it would
   * not tell us, which says nothing about the token. Throws retry while it cannot be reached.
   */
  inspect(account: Account, context: CallContext): Promise<TokenFacts | null>;

  /** No token of this network lasts, so one that ends by time is what everybody has. */
  readonly tokensEnd?: boolean;

  /** The ways a person may log in; the first unless another is asked for. None: tokens come by hand only. */
  readonly logins: readonly Login[];
}

/** The app that people give their consent to. */
export interface App {
  readonly appId: string;
  readonly appSecret: Secret;
  /** Of Facebook Login for Business, which then knows the scopes itself. */
  readonly configId: string | null;
}

/** A permission, by the network's name. */
export interface Scope {
  readonly name: string;
  /** For people: what it is used for, after "to". */
  readonly why: string;
  /** Without it the account could not be used at all. */
  readonly isRequired: boolean;
}

/** One way to get tokens by a person's consent. */
export interface Login {
  readonly name: LoginName;
  /** The names under which the app may be registered, the first that is there counts: `meta_ads`, then `facebook`. */
  readonly apps: readonly string[];
  /** Asked for always. */
  readonly scopes: readonly Scope[];
  /** Asked for when somebody names them. */
  readonly optionalScopes: readonly Scope[];
  /** A person chooses among the accounts, even where there is one. */
  readonly isChosen: boolean;
  /** Before a token ends it is exchanged for a new one, in this part of its life; null: it cannot be. */
  readonly renewal: Renewal | null;

  /** The address of the dialog. */
  authorizeUrl(app: App, request: AuthorizeRequest): string;

  /** What the code of the dialog's answer stands for; `redirectUri` is byte by byte the one of `authorizeUrl`. */
  exchange(
    app: App,
    answer: { readonly code: string; readonly redirectUri: string },
    context: CallContext,
  ): Promise<Grant>;

  /** Every account that the grant reaches, each once, also those that could not be used, with the reason. */
  accounts(app: App, grant: Grant, context: CallContext): Promise<readonly Candidate[]>;

  /** A new token for one that still lives, of an app whose secret we may not hold. Throws reauth when the network says that it is dead. */
  renew(app: App | null, token: Secret, context: CallContext): Promise<RenewedToken>;

  /** Takes the person's consent back: every token that rests on it dies. Absent where the network has no such call. */
  revoke?(app: App, grant: Pick<Grant, 'token' | 'userId'>, context: CallContext): Promise<void>;

  /** The businesses that the person works for, with what belongs to them. Absent where there is no such thing. */
  businesses?(
    app: App,
    grant: Pick<Grant, 'token'>,
    context: CallContext,
  ): Promise<readonly Business[]>;
}

export interface AuthorizeRequest {
  readonly state: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
}

/** In days since the token was issued. */
export interface Renewal {
  /** The network refuses to renew a younger one. */
  readonly earliestDay: number;
  readonly fromDay: number;
  readonly toDay: number;
}

/** What a person's consent gave us. */
export interface Grant {
  /** Of the person, or of the account itself where the login is the account's own. */
  readonly token: Secret;
  /** App-scoped: as the network's callbacks name the person. */
  readonly userId: string | null;
  /** Null: it does not end by time. */
  readonly expiresAt: Date | null;
  readonly dataAccessExpiresAt: Date | null;
  /** As granted; null: not told. */
  readonly scopes: readonly string[] | null;
}

export interface RenewedToken {
  readonly token: Secret;
  readonly expiresAt: Date | null;
  readonly dataAccessExpiresAt: Date | null;
}

/** An account that a consent reaches. */
export interface Candidate {
  readonly externalAccountId: string;
  readonly name: string | null;
  readonly username: string | null;
  /** Null: the network gives none, and `reason` says so. */
  readonly token: Secret | null;
  /** What the person may do with the account, in the network's words; null: not told. */
  readonly tasks: readonly string[] | null;
  /** Capabilities that the consent has shown. */
  readonly seen: Seen;
  /** Why it could not be used; null: it can, as far as is known. */
  readonly reason: Unusable | null;
}

export interface Unusable {
  /**
   * Stable: `no_token`, `task_missing`, `scope_missing`, `scope_other_accounts`, `account_disabled`,
   * `account_not_professional`.
   */
  readonly code: string;
  /** For people, with what to do. */
  readonly text: string;
  readonly who: ErrorRecord['who'];
}

export interface Business {
  readonly id: string;
  readonly name: string | null;
  readonly pages: readonly OwnedAccount[];
  readonly adAccounts: readonly OwnedAccount[];
}

export interface OwnedAccount {
  readonly id: string;
  readonly name: string | null;
  /** The business owns it, or works for whoever does. */
  readonly relation: 'owned' | 'client';
}

/** What the network says of a token. */
export interface TokenFacts {
  /** Why it is dead, in the network's words; null: it lives. */
  readonly error: ErrorRecord | null;
  readonly appId: string | null;
  /** App-scoped, of the person behind it. */
  readonly userId: string | null;
  /** `never`: not by time. */
  readonly expiresAt: Date | 'never' | 'unknown';
  readonly dataAccessExpiresAt: Date | null;
  readonly issuedAt: Date | null;
  /** Those that hold for this account; null: not told. */
  readonly scopes: readonly string[] | null;
}

export interface VerifiedAccount {
  readonly externalAccountId: string;
  readonly name: string | null;
  readonly username: string | null;
  /** Null: the network would not tell. */
  readonly facts: TokenFacts | null;
  readonly tasks: readonly string[] | null;
  /** Capabilities that the proof has shown. */
  readonly seen: Seen;
}
