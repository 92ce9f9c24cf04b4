import type { ErrorActor, ErrorClass, ErrorScope } from '../errors.ts';

/** One line of the table of Meta's errors. */
export interface ErrorLine {
  /** A code, or a first and last one. None: the subcode says it all, or the line has no number. */
  readonly code?: number | readonly [number, number];
  readonly subcode?: number;
  /** Holds for this `type` of the error only: it may tell two meanings of one code apart. */
  readonly type?: string;
  /** Holds only where the call was made on the account itself, and not on one of its posts. */
  readonly onAccount?: true;
  /** What it is about, where the numbers alone would not tell the reader. */
  readonly where?: string;
  readonly class: ErrorClass;
  readonly who: ErrorActor;
  /** Whom it concerns, where the class does not say it. */
  readonly scope?: ErrorScope;
  /** Is about the app only where the call carried our proof; else about the app of the token, whosever that is. */
  readonly needsProof?: true;
  /** Stable, for translations. */
  readonly key: string;
  readonly user_message: string;
  readonly action: string;
  readonly source: string;
  /** Only such an answer proves that a publishing call created nothing. */
  readonly rejects?: true;
  /** How long to wait when the usage headers do not say; 5 minutes when absent. */
  readonly waitMs?: number;
}

const hourMs = 3_600_000;
export const waits = { hour: hourMs, twoHours: 2 * hourMs, day: 24 * hourMs } as const;

/** Next steps that many lines share. */
export const actions = {
  reconnect: 'Reconnect the account.',
  grantRole:
    'Give the person who connected the account full control of the Page on Facebook, then reconnect.',
  grantScopes: 'Reconnect the account and leave every permission ticked.',
  confirm: 'Log in at facebook.com, do what it asks for, then retry.',
  nothing: 'Nothing to do: it goes on by itself.',
  fixText: 'Change the text, then retry.',
  fixLink: 'Correct the link, or remove it, then retry.',
  fixImage: 'Replace the image, then retry.',
  fixVideo: 'Export the video again as MP4 (H.264, AAC), then retry.',
  checkUrl:
    'Check that anyone can open the media address without logging in and gets the file itself, then retry.',
  checkPost: 'Look at the message and correct the post, then retry.',
  seeAccount:
    'See on Facebook that the Page is published and that whoever connected it may still publish there; if it has another id now, connect that one.',
  secret: 'Check that the app secret configured here is the one of the app of the token.',
  checkApp: 'Check the app in the Meta App Dashboard and the configuration of this service.',
  report: 'Report it to the developers of this service with the fbtrace_id.',
} as const;
