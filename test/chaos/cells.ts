/** The fault matrix as data: which cells there are, which cannot be, and how the sandbox is told of each. */
export const answers = [
  '200',
  '500 code 2',
  '400 after the effect',
  'time-out',
  'connection reset',
  'cut-off body',
  'HTML 502',
] as const;
export const fates = ['lives', 'killed before the commit', 'killed after the commit'] as const;
export const contents = ['text', 'link', 'one photo', 'ten photos'] as const;
export const modes = ['draft', 'schedule', 'publish'] as const;
/** FACEBOOK_STEPS. */
export const steps = ['two', 'one'] as const;

export type AnswerKind = (typeof answers)[number];
/** What becomes of the worker around the commit that settles the attempt. */
export type Fate = (typeof fates)[number];
export type Content = (typeof contents)[number];
export type Mode = (typeof modes)[number];
export type Steps = (typeof steps)[number];
/** Which of a post's calls is hit: the one that makes it hidden, the one that shows it, or the only one. */
export type Call = 'create' | 'reveal' | 'publish';

export interface Cell {
  /** The message of its post: no other has it. */
  readonly name: string;
  readonly steps: Steps;
  readonly call: Call;
  readonly happened: boolean;
  readonly answer: AnswerKind;
  readonly fate: Fate;
  readonly content: Content;
  readonly mode: Mode;
}

/** Why a combination cannot be. */
export const impossible: readonly { readonly what: string; readonly why: string }[] = [
  {
    what: 'did not happen × 400 after the effect',
    why: 'the answer is named by its effect',
  },
  {
    what: 'did not happen × 200 with an id',
    why: 'an id is the id of something; run instead: 200 without one',
  },
];

/** A draft has no second step. */
export function callsOf(mode: Mode, inSteps: Steps): readonly Call[] {
  return inSteps === 'one' || mode === 'draft' ? ['publish'] : ['create', 'reveal'];
}

/** Every cell that can be, of one fate. */
export function cellsOf(fate: Fate, inSteps: Steps): readonly Cell[] {
  return [true, false].flatMap((happened) =>
    answers
      .filter((answer) => happened || answer !== '400 after the effect')
      .flatMap((answer) =>
        contents.flatMap((content) =>
          modes.flatMap((mode) =>
            callsOf(mode, inSteps).map((call) => ({
              name: nameOf(call, happened, answer, fate, content, mode),
              steps: inSteps,
              call,
              happened,
              answer,
              fate,
              content,
              mode,
            })),
          ),
        ),
      ),
  );
}

function nameOf(call: Call, happened: boolean, ...words: readonly string[]): string {
  return [call, happened ? 'happened' : 'did not happen', ...words].join(' · ');
}

/** Null: the sandbox answers as it would. `holdMs` outlasts the deadline of the call. */
export function faultOf(cell: Cell, holdMs: number): object | null {
  const fault = kindOf(cell, holdMs);
  // One that was lost is asked for once more at once: that one is lost too.
  return fault === null ? null : { ...fault, times: cell.call === 'reveal' ? 2 : 1 };
}

function kindOf({ happened, answer }: Cell, holdMs: number): object | null {
  const when = happened ? 'after' : 'before';
  switch (answer) {
    case '200':
      return happened ? null : { kind: 'no_id', when };
    case '500 code 2':
      return { kind: 'code_2', when };
    case '400 after the effect':
      return { kind: 'error', when, code: 1, http_status: 400 };
    case 'time-out':
      return { kind: 'timeout', when, hold_ms: holdMs };
    case 'connection reset':
      return { kind: 'reset', when };
    case 'cut-off body':
      return { kind: 'truncated', when };
    case 'HTML 502':
      return { kind: 'html_502', when };
  }
}

export const photosOf: Readonly<Record<Content, number>> = {
  text: 0,
  link: 0,
  'one photo': 1,
  'ten photos': 10,
};

export const settledAs: Readonly<Record<Mode, string>> = {
  draft: 'drafted',
  schedule: 'scheduled',
  publish: 'published',
};
