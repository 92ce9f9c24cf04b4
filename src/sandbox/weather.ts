import { z } from 'zod';

/**
 * What nobody has seen Meta do for certain, each as a switch; the defaults are fair weather.
 * Any reset brings fair weather back. A Page can have a weather of its own.
 */
export const weatherSchema = z.strictObject({
  /** What `is_published=true` answers for a post that is public already. */
  reveal_again: z.enum(['success', 'refuse']).default('success'),
  /** What `scheduled_publish_time` does to a draft or dark post; `ignore` answers success. */
  schedule_hidden: z.enum(['allow', 'refuse', 'ignore']).default('allow'),
  /** A draft or dark post is public at once, as one project reported. */
  hidden_shown: z.boolean().default(false),
});

export type Weather = z.infer<typeof weatherSchema>;

/** The weather of a Page, its own or that of the whole sandbox. */
export function weatherOf(
  world: { readonly weather: Weather },
  page: { readonly weather: Weather | null },
): Weather {
  return page.weather ?? world.weather;
}

/** The weather after a change; what the change leaves out stays. */
export function changedWeather(weather: Weather, change: unknown): Weather {
  const given = z.record(z.string(), z.unknown()).parse(change);
  return weatherSchema.parse({ ...weather, ...given });
}
