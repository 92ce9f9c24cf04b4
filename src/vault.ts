import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  KeyObject,
  randomBytes,
} from 'node:crypto';
import { AppError } from './errors.ts';
import { Secret } from './secret.ts';

/** What is sealed beside the tokens of integrations: the `purpose` of its binding. */
export const purposes = {
  /** Of a tenant's own app; bound to the app's id. */
  appSecret: 'app-secret',
  /** Of the person behind the tokens of integrations; bound to the login's id. */
  login: 'login',
  /** What a person consented to, until they have chosen; bound to the connection's id. */
  connection: 'connection',
} as const;

const format = 'v1';
const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const keyIdPattern = /^[\w-]{1,32}$/;

/** One key of `ENCRYPTION_KEYS`: 32 bytes under an id of letters, digits, `_` and `-`. */
export interface EncryptionKey {
  readonly id: string;
  readonly key: KeyObject | Uint8Array;
}

/** What a sealed value belongs to; it opens for exactly this and nothing else. */
export interface Binding {
  readonly tenantId: string;
  readonly integrationId: string;
  /** What the value is, so that one kind never passes for another; `token` when absent. */
  readonly purpose?: string;
}

/**
 * Seals and opens the secrets of tenants: AES-256-GCM under the first key, opened under any.
 *
 * A sealed value is one line of text, `v1.<key id>.<nonce>.<ciphertext>.<tag>`, the last three in
 * base64url. It is bound to its tenant, integration and purpose: copied to another row it does not
 * open. Throws `AppError` with code `vault_key_missing` (the message names the key id) or
 * `vault_tampered`; neither message ever holds a sealed or an opened value.
 */
export class Vault {
  readonly #current: { readonly id: string; readonly key: KeyObject };
  readonly #keys: ReadonlyMap<string, KeyObject>;

  /** Throws `vault_key_invalid` for no key, a key of another length, or an id used twice. */
  constructor(keys: readonly EncryptionKey[]) {
    const [first] = keys;
    if (first === undefined) throw new AppError('vault_key_invalid', 'The vault needs a key.');
    this.#keys = new Map(keys.map(({ id, key }) => [id, checkedKey(id, key)]));
    if (this.#keys.size !== keys.length) {
      throw new AppError('vault_key_invalid', 'Two encryption keys have the same id.');
    }
    this.#current = { id: first.id, key: checkedKey(first.id, first.key) };
  }

  /** Seals under the first key; the same secret never gives the same text twice. */
  seal(secret: Secret, binding: Binding): string {
    const { id, key } = this.#current;
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(additionalData(id, binding));
    const ciphertext = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()]);
    const parts = [nonce, ciphertext, cipher.getAuthTag()].map((part) =>
      part.toString('base64url'),
    );
    return [format, id, ...parts].join('.');
  }

  /** Opens what `seal` made for the same binding, under whichever key it names. */
  open(sealed: string, binding: Binding): Secret {
    const { keyId, nonce, ciphertext, tag } = parseSealed(sealed);
    const key = this.#keys.get(keyId);
    if (key === undefined) {
      throw new AppError(
        'vault_key_missing',
        `A sealed value needs the encryption key "${keyId}": add it to ENCRYPTION_KEYS again.`,
      );
    }
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(additionalData(keyId, binding));
    decipher.setAuthTag(tag);
    try {
      return new Secret(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString());
    } catch {
      throw tampered();
    }
  }

  get sealingKeyId(): string {
    return this.#current.id;
  }

  /** Whether `open` would succeed. */
  opens(sealed: string, binding: Binding): boolean {
    try {
      this.open(sealed, binding);
      return true;
    } catch {
      return false;
    }
  }

  /** By key id a text that two keys never share, and that tells nothing of its key: to compare processes by. */
  checks(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#keys].map(([id, key]) => [id, checkOf(key)]));
  }

  /** The id of the key that sealed it, whether this vault holds that key or not. */
  keyIdOf(sealed: string): string {
    return parseSealed(sealed).keyId;
  }

  /** Whether values that were sealed with this key can be opened. */
  holds(keyId: string): boolean {
    return this.#keys.has(keyId);
  }

  /** Whether it is sealed under the first key, so that rotation has nothing left to do with it. */
  isCurrent(sealed: string): boolean {
    return this.keyIdOf(sealed) === this.#current.id;
  }
}

function checkOf(key: KeyObject): string {
  return createHmac('sha256', key).update('social-publisher key check v1').digest('base64url');
}

function checkedKey(id: string, key: KeyObject | Uint8Array): KeyObject {
  const checked = key instanceof KeyObject ? key : createSecretKey(key);
  if (checked.symmetricKeySize !== keyBytes) {
    throw new AppError('vault_key_invalid', `The encryption key "${id}" is not ${keyBytes} bytes.`);
  }
  return checked;
}

/** As a JSON array, so that no two bindings can ever be written the same way. */
function additionalData(keyId: string, binding: Binding): Buffer {
  const { purpose = 'token', tenantId, integrationId } = binding;
  return Buffer.from(JSON.stringify([format, keyId, purpose, tenantId, integrationId]));
}

function parseSealed(sealed: string) {
  const [version, keyId, nonce, ciphertext, tag, ...rest] = sealed.split('.');
  if (version !== format || rest.length > 0) throw tampered();
  if (keyId === undefined || !keyIdPattern.test(keyId)) throw tampered();
  return {
    keyId,
    nonce: decode(nonce, nonceBytes),
    ciphertext: decode(ciphertext),
    tag: decode(tag, tagBytes),
  };
}

/** Strict, because Node's own decoder skips what it does not know: two texts would open alike. */
function decode(text: string | undefined, bytes?: number): Buffer {
  const decoded = Buffer.from(text ?? '', 'base64url');
  if (text === undefined || decoded.toString('base64url') !== text) throw tampered();
  if (bytes !== undefined && decoded.length !== bytes) throw tampered();
  return decoded;
}

/** Made without the cause on purpose: there is nothing in it that helps, and it is logged. */
function tampered(): AppError {
  return new AppError(
    'vault_tampered',
    'A sealed value does not open: it was changed, belongs to another tenant, integration or purpose, or the key under its id is not the one that sealed it.',
  );
}
