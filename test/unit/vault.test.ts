import { expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { Secret } from '../../src/secret.ts';
import { Vault } from '../../src/vault.ts';

const spring = { id: 'spring', key: Buffer.alloc(32, 1) };
const autumn = { id: 'autumn', key: Buffer.alloc(32, 2) };
const binding = { tenantId: 'tenant-a', integrationId: 'integration-a' };
const plain = 'EAAGm0PX4ZCpsBAKZBplantedToken';
const parts = ['format', 'key id', 'nonce', 'ciphertext', 'tag'];

const failureOf = (run: () => unknown): AppError => {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

const codeOf = (run: () => unknown) => failureOf(run).code;

test('opens what it sealed', () => {
  const vault = new Vault([spring]);
  const sealed = vault.seal(new Secret(plain), binding);
  expect(vault.open(sealed, binding).reveal()).toBe('EAAGm0PX4ZCpsBAKZBplantedToken');
});

test('opens a value sealed by another program with the same key', () => {
  const sealed = 'v1.spring.AAAAAAAAAAAAAAAA.11D0sBo.SAv3uJDIroL0QlKNiNwTTg';
  expect(new Vault([spring]).open(sealed, binding).reveal()).toBe('hello');
});

test('writes format, key id and three base64url parts, and no part of the token', () => {
  const sealed = new Vault([spring]).seal(new Secret(plain), binding);
  expect(sealed).toMatch(/^v1\.spring\.[\w-]{16}\.[\w-]{40}\.[\w-]{22}$/);
  expect(sealed).not.toContain('planted');
});

test('seals the same token differently each time', () => {
  const vault = new Vault([spring]);
  const sealed = Array.from({ length: 100 }, () => vault.seal(new Secret(plain), binding));
  expect(new Set(sealed).size).toBe(100);
});

test.each(['пароль-🔑-密码', 'é', 'a\u0000b', '', 'x'.repeat(100_000)])(
  'keeps the token %# as it is, whatever its characters',
  (text) => {
    const vault = new Vault([spring]);
    expect(vault.open(vault.seal(new Secret(text), binding), binding).reveal()).toBe(text);
  },
);

test.each([
  ['another tenant', { ...binding, tenantId: 'tenant-b' }],
  ['another integration', { ...binding, integrationId: 'integration-b' }],
  ['another purpose', { ...binding, purpose: 'app_secret' }],
  ['tenant and integration swapped', { tenantId: 'integration-a', integrationId: 'tenant-a' }],
  ['the border moved', { tenantId: 'tenant-a","integration', integrationId: '-a' }],
])('does not open for %s', (_name, other) => {
  const vault = new Vault([spring]);
  const sealed = vault.seal(new Secret(plain), binding);
  expect(codeOf(() => vault.open(sealed, other))).toBe('vault_tampered');
});

test('tells no two bindings apart by their joined text only', () => {
  const vault = new Vault([spring]);
  const sealed = vault.seal(new Secret(plain), { tenantId: 'a', integrationId: 'b-c' });
  const moved = { tenantId: 'a-b', integrationId: 'c' };
  expect(codeOf(() => vault.open(sealed, moved))).toBe('vault_tampered');
});

test('takes token as the purpose when none is given', () => {
  const vault = new Vault([spring]);
  const sealed = vault.seal(new Secret(plain), binding);
  expect(vault.open(sealed, { ...binding, purpose: 'token' }).reveal()).toBe(plain);
});

test.each([2, 3, 4])('refuses any flipped bit in part %i', (index) => {
  const vault = new Vault([spring]);
  const sealed = vault.seal(new Secret(plain), binding).split('.');
  const bytes = Buffer.from(sealed[index]!, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const text = sealed.with(index, flipped.toString('base64url')).join('.');
    expect(
      codeOf(() => vault.open(text, binding)),
      `${parts[index]}, bit ${bit}`,
    ).toBe('vault_tampered');
  }
});

test('refuses every changed character', () => {
  const vault = new Vault([spring]);
  const sealed = vault.seal(new Secret(plain), binding);
  for (let at = 0; at < sealed.length; at += 1) {
    const other = sealed[at] === 'B' ? 'C' : 'B';
    const text = sealed.slice(0, at) + other + sealed.slice(at + 1);
    expect(codeOf(() => vault.open(text, binding))).toMatch(/^vault_(tampered|key_missing)$/);
  }
});

test('refuses another spelling of the same bytes, in the bits that base64 leaves unused', () => {
  const vault = new Vault([spring]);
  const sealed = vault.seal(new Secret(plain), binding);
  const respelled = { A: 'B', Q: 'R', g: 'h', w: 'x' }[sealed.at(-1)!];
  expect(respelled).toBeDefined();
  expect(codeOf(() => vault.open(sealed.slice(0, -1) + respelled, binding))).toBe('vault_tampered');
});

test('refuses a key id exchanged for another one that has the same key', () => {
  const vault = new Vault([spring, { id: 'summer', key: spring.key }]);
  const sealed = vault.seal(new Secret(plain), binding).replace('.spring.', '.summer.');
  expect(codeOf(() => vault.open(sealed, binding))).toBe('vault_tampered');
});

test.each([
  '',
  'v1',
  'v1.spring',
  'v1.spring...',
  'v2.spring.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA',
  'v1..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA',
  'v1.a key.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA',
  'v1.spring.AAAAAAAAAAAAAAAA.AAAA.AAAA',
  'v1.spring.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA.AAAA',
  'v1.spring.AAAAAAAAAAAAAAAA.AA AA.AAAAAAAAAAAAAAAAAAAAAA',
])('refuses the malformed text %j', (sealed) => {
  expect(codeOf(() => new Vault([spring]).open(sealed, binding))).toBe('vault_tampered');
});

test('names the key that is missing', () => {
  const sealed = new Vault([spring]).seal(new Secret(plain), binding);
  const error = failureOf(() => new Vault([autumn]).open(sealed, binding));
  expect(error.code).toBe('vault_key_missing');
  expect(error.message).toBe(
    'A sealed value needs the encryption key "spring": add it to ENCRYPTION_KEYS again.',
  );
});

test('says nothing of the value when it does not open', () => {
  const vault = new Vault([spring]);
  const sealed = vault.seal(new Secret(plain), binding);
  const error = failureOf(() => vault.open(sealed, { ...binding, tenantId: 'tenant-b' }));
  expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain(
    sealed.split('.')[3],
  );
});

test('after a rotation opens the old and seals under the new key', () => {
  const old = new Vault([spring]).seal(new Secret(plain), binding);
  const rotated = new Vault([autumn, spring]);
  expect(rotated.keyIdOf(old)).toBe('spring');
  expect(rotated.isCurrent(old)).toBe(false);

  const fresh = rotated.seal(rotated.open(old, binding), binding);
  expect(rotated.keyIdOf(fresh)).toBe('autumn');
  expect(rotated.isCurrent(fresh)).toBe(true);
  expect(new Vault([autumn]).open(fresh, binding).reveal()).toBe(plain);
});

test('names the key of a value that it cannot open', () => {
  const sealed = new Vault([spring]).seal(new Secret(plain), binding);
  expect(new Vault([autumn]).keyIdOf(sealed)).toBe('spring');
});

test.each([
  ['no key', []],
  ['a short key', [{ id: 'short', key: Buffer.alloc(31) }]],
  ['an id twice', [spring, { ...autumn, id: 'spring' }]],
])('is not built from %s', (_name, keys) => {
  expect(codeOf(() => new Vault(keys))).toBe('vault_key_invalid');
});

test('opens ten thousand tokens within a second of processor time', () => {
  const vault = new Vault([spring, autumn]);
  const sealed = vault.seal(new Secret(plain.repeat(7)), binding);
  const before = process.cpuUsage();
  for (let count = 0; count < 10_000; count += 1) vault.open(sealed, binding);
  const { user, system } = process.cpuUsage(before);
  expect(user + system).toBeLessThan(1_000_000);
});
