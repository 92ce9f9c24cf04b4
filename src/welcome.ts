import type { Environment } from './config/environment.ts';
import { placeOfAdminToken } from './embedded-secrets.ts';
import type { Running } from './start.ts';

/** Says where the pages for people are, and where whoever opens them finds the token that they ask for. */
export function tellWhereThePagesAre({ services, apiUrl }: Running, env: Environment): void {
  if (apiUrl === undefined) return;
  const { http, dataDir } = services.config;
  // Port 0 is known only by now.
  const base = http.publicUrl.endsWith(':0') ? apiUrl : http.publicUrl;
  services.log.info(
    {
      apiDocs: `${base}/docs`,
      dashboard: `${base}/admin/queues`,
      signIn: "any user name; the password is the operator's token",
      operatorToken: placeOfAdminToken(env, dataDir),
    },
    'open these pages in a browser',
  );
}
