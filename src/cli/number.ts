import { InvalidArgumentError } from 'commander';

/** For options that count something; commander names the option in front of the message. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  return Number(text);
}
