import { scopeOf } from '../errors.ts';
import { type ErrorLine, errorTable, generalErrors } from './codes.ts';

const head = `# Errors of Meta

What each answer of Meta means here: the table that the program itself uses (\`src/graph/\`), written out.
A post's \`error\` holds the class, the key, Meta's own numbers and the next step; this page is for looking one up.

Subcode goes before code, code before HTTP status, and no text of a message is ever read.

What an answer means depends on what its call does. A call that makes something hidden (\`stages\`) is simply made again;
at worst something is left over that nobody sees, and is deleted. After a call that shows a hidden post (\`reveals\`) the
post is read by its id, and shown again if it is still hidden. Only a call that makes something visible at once
(\`publishes\`: drafts, and posts on a Page that refuses two steps) must not be repeated on a guess. *Proof* says that such
an answer to it proves that nothing was made. Every other answer to it, and no answer at all, is \`unknown_outcome\`: the
post is looked for on the account before anything is sent again.

*About* says whom the error concerns. What is not about the post costs it nothing: trouble of the account or of the app
holds the account, or every account of the app, until somebody has put it right; an outage of the provider is waited
for. An app that is held is tried again every minute by itself, and its operator is told once.

| class | what happens |
| --- | --- |
| \`retry\` | tried again by itself: about the provider as long as the post is in time, else a bounded number of times |
| \`rate_limited\`, \`not_ready\` | waits as long as told; uses up no try |
| \`reauth\`, \`permission\`, \`blocked\` | the posts of the account, or of the app, wait until somebody heals it |
| \`invalid\`, \`duplicate\` | ends; somebody must act |
| \`unknown_outcome\` | read at Meta by its id, or looked for there |
`;

const own = `## Our own

| key | class | meaning |
| --- | --- | --- |
| \`not_sent_in_time\` | \`retry\` | the worker was too slow to call after it had committed to; nothing was sent |
| \`look_incomplete\` | \`not_ready\` | before it is sent again the account must be seen whole, and it did not answer whole |
| \`schedule_ignored\` | \`retry\` | the network took a time for the hidden post and does not show it: it is made anew in one step, as is every later post of this Page |
| \`external_id_taken\` | \`unknown_outcome\` | the network named a post that is another row's: a person is asked |
| \`unknown_outcome\` | \`unknown_outcome\` | an unforeseen failure around the visible call |
| \`internal\` | \`internal\` | a defect of ours before that call; nothing was made public |

What a person is asked is in \`attention\`; /docs lists every \`reason\` of it.
`;

const columns =
  '| code / subcode | key | class | about | who acts | meaning | next step | proof | source |';
const rule = '| --- | --- | --- | --- | --- | --- | --- | --- | --- |';

/** `docs/errors.md`, made of the table; a test keeps the file the same as this. */
export function renderErrorsPage(): string {
  const numbered = [...errorTable].toSorted(byNumbers).map(row);
  const general = Object.values<ErrorLine>(generalErrors).map(row);
  return [
    head,
    '## With a code',
    '',
    columns,
    rule,
    ...numbered,
    '',
    '## Without one',
    '',
    columns,
    rule,
    ...general,
    '',
    own,
  ].join('\n');
}

function byNumbers(a: ErrorLine, b: ErrorLine): number {
  return first(a) - first(b) || (a.subcode ?? 0) - (b.subcode ?? 0);
}

/** Lines with a subcode only come after all codes. */
function first({ code }: ErrorLine): number {
  if (code === undefined) return Number.MAX_SAFE_INTEGER;
  return typeof code === 'object' ? code[0] + 0.5 : code;
}

function row(line: ErrorLine): string {
  const cells = [
    numbers(line),
    `\`${line.key}\``,
    `\`${line.class}\``,
    line.scope ?? scopeOf(line.class),
    line.who,
    line.user_message,
    line.action,
    line.rejects ? 'yes' : '',
    line.source,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
}

function numbers({ code, subcode, where, type, onAccount }: ErrorLine): string {
  const codeText = typeof code === 'object' ? code.join('–') : String(code ?? 'any');
  const text = subcode === undefined ? codeText : `${codeText} / ${subcode}`;
  const known = code === undefined && subcode === undefined ? '' : text;
  const notes = [where, type, onAccount === true ? 'on the account itself' : undefined];
  const told = notes.filter((note) => note !== undefined).join(', ');
  return [known, told === '' ? '' : `(${told})`].filter(Boolean).join(' ');
}
