import { type Io, renderTable, styleFor } from '../cli/terminal.ts';
import { isGiven } from '../config/environment.ts';
import { variableNames } from '../config/variables.ts';
import { pathFromHere, shellWord, shortDuration, shortTime } from '../story/views.ts';
import type { MadeTenant } from './setup.ts';
import type { Watched } from './watch.ts';

/** Where no terminal says its width: a table that is read in a log or an issue. */
const widthElsewhere = 120;
/** From here on there is room for the external id beside the address that ends in it. */
const widthForIds = 110;
/** And for when it was due and what it says. */
const widthForAll = 150;

/** One row a post: what became of it, where, and how late. */
export function renderSummary(
  posts: readonly Watched[],
  { stdout }: Io,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const style = styleFor(stdout, env);
  const width = stdout.columns ?? widthElsewhere;
  const isWide = width >= widthForAll;
  const hasIds = width >= widthForIds;
  return renderTable<Watched>(
    [
      { title: 'REFERENCE', text: ({ post }) => post.reference ?? '' },
      {
        title: 'STATUS',
        text: describeStatus,
        paint: ({ standing }) => (standing === 'there' ? style.green : style.red),
      },
      ...(isWide
        ? [{ title: 'DUE', text: ({ post }: Watched) => shortTime(post.scheduled_at) }]
        : []),
      { title: 'LATENESS', text: describeLateness },
      ...(hasIds
        ? [{ title: 'EXTERNAL ID', text: ({ post }: Watched) => post.external_id ?? '' }]
        : []),
      { title: 'PUBLISH URL', text: ({ post }) => post.publish_url ?? '' },
      ...(isWide
        ? [{ title: 'MESSAGE', text: ({ post }: Watched) => post.message ?? '', flexible: true }]
        : []),
    ],
    posts,
    { write: (text) => stdout.write(text), isTTY: true, columns: width },
    style,
  );
}

function describeStatus({ post, expected, standing }: Watched): string {
  return standing === 'there' ? post.status : `${post.status}, expected ${expected}`;
}

function describeLateness({ post }: Watched): string {
  return typeof post.lateness_ms === 'number' ? shortDuration(post.lateness_ms) : '';
}

/** What needs saying beyond the table: refusals and requests for a person, with their next step. */
export function listNotes(posts: readonly Watched[]): string[] {
  return posts.flatMap(({ post }) => {
    const { error, attention } = post;
    return [
      ...(error ? [`${post.reference}: ${error.message} Next: ${error.action}`] : []),
      ...(attention ? [`${post.reference}: ${attention.text}`] : []),
    ];
  });
}

export interface Place {
  readonly apiUrl: string;
  readonly sandboxUrl: string;
  /** Where a person connects more accounts. */
  readonly connectUrl: string;
  readonly adminToken: string;
  readonly dataDir: string;
  /** What another terminal would be given, too. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What whoever has watched can do next: commands that work as they are printed, and the pages to open. */
export function inviteOn(place: Place, tenant: MadeTenant, failedPostId: string | null): string {
  const cli = `${cliEnvironment(place)} npm run -s cli --`;
  return `
Now you. In another terminal, in this folder:

  # Every post of the demo
  ${cli} post list
${failedPostId === null ? '' : `\n  # The whole story of the one that Meta refused\n  ${cli} why ${failedPostId}\n`}
  # A post of your own: live on a Page of ${tenant.name} within a second
${ownPost(place, tenant)}

The pages, to open in a browser:

  ${place.sandboxUrl}/
      The Pages as people see them: feed, scheduled posts, drafts.
  ${place.connectUrl}
      Connect more Pages, as a customer does: log in at the sandbox as Ada.
  ${place.apiUrl}/docs
      Every call of the API, with examples.
  ${place.apiUrl}/admin/queues
      The queues, and what failed in them. Any user name; the password is
      ${place.adminToken}

Ctrl-C ends it.
`;
}

/** The demo's own folder, and nothing of what this machine is configured for beside it. */
function cliEnvironment({ dataDir, env }: Place): string {
  const forms = variableNames.flatMap((name) => [name, `${name}_FILE`]);
  const others = forms.filter((name) => name !== 'DATA_DIR' && isGiven(env, name) && env[name]);
  const emptied = others.map((name) => `${name}=`);
  return [...emptied, `DATA_DIR=${shellWord(pathFromHere(dataDir))}`].join(' ');
}

function ownPost({ apiUrl, adminToken }: Place, { id, integrationIds }: MadeTenant): string {
  return `  curl -sw '\\n' ${apiUrl}/v1/posts \\
    -H 'Authorization: Bearer ${adminToken}' \\
    -H 'Tenant-Id: ${id}' \\
    -H 'Content-Type: application/json' \\
    -d '{"integration_id": "${integrationIds[0] ?? ''}",
         "message": "Hello, this one is mine.",
         "publish_mode": "publish", "status": "approved"}'`;
}
