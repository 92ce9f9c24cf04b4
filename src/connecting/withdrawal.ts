import { createHmac } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { AppError, type ErrorRecord, InvalidRequestError } from '../errors.ts';
import { appBinding, operatorsApp } from '../integrations/account.ts';
import type { LoginName } from '../providers/account.ts';
import type { Secret } from '../secret.ts';
import type { Vault } from '../vault.ts';
import { readSignedRequest } from './signed-request.ts';
import {
  type AppOfPerson,
  erasePerson,
  eraseTokens,
  keepDeletion,
  listSealedApps,
  type Person,
  type TenantsApp,
  type Withdrawn,
} from './withdrawal-store.ts';

type Database = Parameters<typeof listSealedApps>[0];
type Transaction = Parameters<typeof eraseTokens>[0];

interface Needs {
  readonly db: Database;
  readonly vault: Vault;
  readonly config: Config;
}

/** What a person took back, with the app that said so. */
interface Withdrawal {
  readonly person: Person;
  readonly secret: Secret;
}

/** The person removed the app: what it was given is erased, and posts wait. Throws `signature_invalid`. */
export async function deauthorize(
  needs: Needs,
  signedRequest: string,
): Promise<readonly Withdrawn[]> {
  const { person } = await readWithdrawal(needs, signedRequest);
  return needs.db.transaction((tx) => eraseTokens(tx, person, removedError('app_deauthorized')));
}

/**
 * The person wants their data deleted, which has happened when this resolves, with what they may ask by. `alsoErase`
 * joins the transaction. The same request again: the same code. Throws `signature_invalid`.
 */
export async function deleteData(
  needs: Needs,
  signedRequest: string,
  alsoErase: (tx: Transaction, from: readonly Withdrawn[]) => Promise<void>,
): Promise<{ readonly code: string; readonly withdrawn: readonly Withdrawn[] }> {
  const { person, secret } = await readWithdrawal(needs, signedRequest);
  const code = hashOf(secret, `code ${signedRequest}`).subarray(0, 16).toString('hex');
  const subjectHash = hashOf(secret, `subject ${person.userId}`);
  const withdrawn = await needs.db.transaction(async (tx) => {
    const from = await eraseTokens(tx, person, removedError('data_deleted'));
    await erasePerson(tx, person);
    await alsoErase(tx, from);
    await keepDeletion(tx, { code, subjectHash });
    return from;
  });
  return { code, withdrawn };
}

/**
 * Keyed with the secret of the app that signed: it outlives every rotation of ENCRYPTION_KEYS, the database does not
 * hold it in clear, and the id means something to that app alone. After a reset of the secret at Meta codes still find
 * their rows; only that an older hash is of a certain person can no longer be shown.
 */
function hashOf(secret: Secret, text: string): Buffer {
  return createHmac('sha256', secret.reveal()).update(`social-publisher deletion ${text}`).digest();
}

interface SigningApp extends AppOfPerson {
  readonly secret: Secret;
}

async function readWithdrawal(needs: Needs, signedRequest: string): Promise<Withdrawal> {
  const read = readSignedRequest(signedRequest, await appsOf(needs));
  if (read === undefined) {
    throw new InvalidRequestError(
      400,
      'signature_invalid',
      'The signed_request is not signed by any app whose secret is known here. Nothing was done.',
    );
  }
  const { notice, signers } = read;
  return {
    secret: signers[0].secret,
    person: {
      userId: notice.userId,
      apps: signers.map(({ tenantId, appId, login }) => ({ tenantId, appId, login })),
      saidAt: notice.issuedAt ?? new Date(),
    },
  };
}

const logins: readonly LoginName[] = ['facebook', 'instagram'];

async function appsOf({ db, vault, config }: Needs): Promise<readonly SigningApp[]> {
  const own = logins.flatMap((login) => {
    const app = operatorsApp(login, config);
    return app === null ? [] : [{ tenantId: null, appId: app.appId, login, secret: app.appSecret }];
  });
  return [...own, ...(await listSealedApps(db)).flatMap((app) => openApp(vault, app))];
}

/** One whose key is missing signs nothing for now: Meta's word of the others counts all the same. */
function openApp(vault: Vault, { tenantId, appId, sealedSecret }: TenantsApp): SigningApp[] {
  try {
    const secret = vault.open(sealedSecret, appBinding(tenantId, appId));
    return [{ tenantId, appId, login: null, secret }];
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
}

const messages = {
  app_deauthorized: 'Meta says that the person who connected the account removed the app.',
  data_deleted:
    'Meta says that the person who connected the account had the app delete what it knew of them.',
} as const;

function removedError(key: keyof typeof messages): ErrorRecord {
  return {
    class: 'reauth',
    key,
    provider_code: null,
    provider_subcode: null,
    message: messages[key],
    user_message:
      'The app was removed by the person who connected this account. Nothing is published to it.',
    action: 'Connect the account again, by anybody who manages it.',
    who: 'tenant_admin',
    retryable: false,
    fbtrace_id: null,
    at: new Date().toISOString(),
  };
}
