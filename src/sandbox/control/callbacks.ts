import { createHmac } from 'node:crypto';
import axios from 'axios';
import { z } from 'zod';
import type { App } from '../world/model.ts';
import { personBehind, scopedId } from '../world/people.ts';
import type { World } from '../world/world.ts';
import { ControlError, type callbackSchema } from './schemas.ts';

const waitMs = 10_000;

/** Sends what Meta sends when a person removes an app or asks for their data to be deleted, and tells what came back. */
export async function sendCallback(
  world: World,
  given: z.infer<typeof callbackSchema>,
): Promise<object> {
  const app = world.apps.get(given.app_id);
  if (app === undefined) throw new ControlError(404, `There is no app ${given.app_id}`);
  const signed = signedRequest(world, app, given);
  const { status, data } = await axios
    .post<unknown>(given.url, new URLSearchParams({ signed_request: signed }), {
      maxRedirects: 0,
      proxy: false,
      timeout: waitMs,
      validateStatus: () => true,
    })
    .catch((error: unknown) => {
      throw new ControlError(400, `url: nobody answered: ${String(error)}`);
    });
  const answer = { status, body: data };
  return { signed_request: signed, ...answer, problem: problemOf(given.kind, answer) };
}

/** `<signature>.<payload>`, both base64url; the signature is over the encoded payload. */
function signedRequest(
  world: World,
  app: App,
  { user_id: userId, secret }: z.infer<typeof callbackSchema>,
): string {
  const issuedAt = Math.floor(world.clock.now() / 1000);
  const isPerson = world.users.has(userId) || world.instagramAccounts.has(userId);
  // An id that the app knows somebody by is sent as it is.
  const id =
    !isPerson && personBehind(world, app.id, userId) !== undefined
      ? userId
      : scopedId(world, app.id, userId);
  const claims = {
    algorithm: 'HMAC-SHA256',
    issued_at: issuedAt,
    expires: issuedAt + 3600,
    user_id: id,
  };
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  const signature = createHmac('sha256', secret ?? app.secret)
    .update(payload)
    .digest('base64url');
  return `${signature}.${payload}`;
}

const deletionAnswer = z.object({ url: z.url(), confirmation_code: z.string().min(1) });

/** What Meta would not be content with; null: nothing. */
function problemOf(
  kind: z.infer<typeof callbackSchema>['kind'],
  { status, body }: { status: number; body: unknown },
): string | null {
  if (status !== 200) return `It was answered with ${status} instead of 200`;
  if (kind === 'deauthorize' || deletionAnswer.safeParse(body).success) return null;
  return 'The answer to a data deletion must be JSON with url and confirmation_code';
}
