import type { Command } from 'commander';

const id = '01a1fe97-ea7f-7711-8086-e3b344dfd1fb';

/** One line for each command, by its words, to copy and change. */
const examples: Readonly<Record<string, string>> = {
  '': 'post list',
  tenant: 'tenant list',
  'tenant create': "tenant create 'Corner Bakery' --timezone Europe/Berlin",
  'tenant list': 'tenant list --json',
  'tenant show': "tenant show 'Corner Bakery'",
  'tenant update': "tenant update 'Corner Bakery' --auto-publish",
  integration: 'integration list',
  'integration add':
    "integration add --tenant 'Corner Bakery' --account 4567890 --token-file page.token",
  'integration list': "integration list --tenant 'Corner Bakery'",
  'integration show': `integration show ${id}`,
  'integration remove': `integration remove ${id}`,
  key: 'key list',
  'key create': "key create --name calendar --tenant 'Corner Bakery'",
  'key list': "key list --tenant 'Corner Bakery'",
  'key revoke': `key revoke ${id}`,
  import: 'import calendar.csv --dry-run --media-base https://cdn.example.com/calendar/',
  post: 'post list',
  'post list': "post list --tenant 'Corner Bakery' --status failed,missed --limit 20",
  'post show': `post show ${id}`,
  'post approve': `post approve ${id}`,
  'post cancel': `post cancel ${id}`,
  'post retry': `post retry ${id} --scheduled-at 2026-12-24T18:00:00+01:00`,
  'post resolve': `post resolve ${id} --live 4567890_122104729000000002`,
  why: `why ${id}`,
  doctor: `doctor ${id}`,
  retry: `retry ${id} --scheduled-at 2026-12-24T18:00:00+01:00`,
  replay: 'replay --class retry,internal --from 2026-11-20T00:00:00Z --spread 600 --dry-run',
  'replay list': 'replay list',
  'replay show': `replay show ${id}`,
  'replay stop': `replay stop ${id}`,
  pause: "pause add tenant 'Corner Bakery'",
  'pause add': "pause add tenant 'Corner Bakery' --reason 'the shop is closed'",
  'pause list': 'pause list',
  'pause remove': `pause remove ${id}`,
  keys: 'keys status',
  'keys status': 'keys status',
  'keys rotate': 'keys rotate',
  queue: 'queue status',
  'queue status': 'queue status',
  'queue switch': 'queue switch redis',
  fence: "fence --reason 'moving to another host'",
  move: 'move --public-url https://publisher.example.com',
  unfence: 'unfence --since 2026-11-20T04:00:00+01:00',
  db: 'db migrate',
  'db migrate': 'db migrate',
  'db diff': 'db diff',
  'db grant-calendar': 'db grant-calendar calendar',
};

/** Ends the help of this command, and of all below it, with its example. */
export function showExamples(command: Command, words: readonly string[] = []): void {
  const example = examples[words.join(' ')];
  if (example !== undefined) {
    command.addHelpText('after', `\nExample:\n  npm run cli -- ${example}`);
  }
  for (const inner of command.commands) showExamples(inner, [...words, inner.name()]);
}
