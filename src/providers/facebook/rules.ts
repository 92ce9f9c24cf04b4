import type { Rule } from '../provider.ts';
import { linkRules } from './link-rules.ts';
import { mediaRules } from './media-rules.ts';
import { textRules } from './text-rules.ts';
import { timeRules } from './time-rules.ts';

/** Facebook's pre-flight rules. What holds for every provider (mode, time, opt-in) is in posts/rules.ts. */
export const rules: readonly Rule[] = [...textRules, ...linkRules, ...mediaRules, ...timeRules];
