import { isGiven } from '../config/environment.ts';
import { variableNames } from '../config/variables.ts';
import { pathFromHere, shellWord } from '../story/words.ts';
import type { MadeTenant } from './setup.ts';

export interface Place {
  readonly apiUrl: string;
  readonly sandboxUrl: string;
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
