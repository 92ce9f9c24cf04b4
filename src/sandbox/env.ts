import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { SandboxOptions } from './options.ts';

const list = z
  .string()
  .default('')
  .transform((value) =>
    value
      .split(',')
      .map((host) => host.trim())
      .filter((host) => host !== ''),
  );

const envSchema = z.object({
  SANDBOX_HOST: z.string().min(1).default('127.0.0.1'),
  SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(4010),
  SANDBOX_ALLOW_LOOPBACK_MEDIA: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true'),
  SANDBOX_ALLOWED_HOSTS: list,
  SANDBOX_MEDIA_HOSTS: list,
  SANDBOX_PERMALINK_BASE: z.url().default('https://www.facebook.com'),
  SANDBOX_REQUEST_LOG_SIZE: z.coerce.number().int().min(1).default(10_000),
});

/** Reads the sandbox's options from the environment; names every variable that cannot be used. */
export function parseSandboxEnv(env: Readonly<Record<string, string | undefined>>): SandboxOptions {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = envSchema.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    );
  }
  const { data } = parsed;
  return {
    host: data.SANDBOX_HOST,
    port: data.SANDBOX_PORT,
    allowLoopbackMedia: data.SANDBOX_ALLOW_LOOPBACK_MEDIA,
    allowedHosts: data.SANDBOX_ALLOWED_HOSTS,
    allowedMediaHosts: data.SANDBOX_MEDIA_HOSTS,
    permalinkBase: data.SANDBOX_PERMALINK_BASE.replace(/\/+$/, ''),
    requestLogSize: data.SANDBOX_REQUEST_LOG_SIZE,
  };
}
