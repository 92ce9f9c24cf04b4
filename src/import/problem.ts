/** What is wrong with a calendar file, where a person who has it open in an editor will find it. */
export interface CalendarProblem {
  /** The line on which the row starts; the first line of the file is 1. */
  readonly line: number;
  /** Empty where the row or the whole file is meant. */
  readonly column: string;
  /** Stable: `scheduled_at_format`, `column_count`, … and every rule of the API. */
  readonly rule: string;
  readonly message: string;
}
