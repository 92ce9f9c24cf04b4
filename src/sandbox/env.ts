import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { defaultOptions, type SandboxOptions } from './world/world.ts';

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
  SANDBOX_PERMALINK_BASE: z.url().optional(),
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
    permalinkBase: (
      data.SANDBOX_PERMALINK_BASE ?? addressOf(data.SANDBOX_HOST, data.SANDBOX_PORT)
    ).replace(/\/+$/, ''),
    requestLogSize: data.SANDBOX_REQUEST_LOG_SIZE,
  };
}

/** How a browser on this machine reaches it, so that its links open here. */
function addressOf(host: string, port: number): string {
  // A free port is known too late for this.
  if (port === 0) return defaultOptions.permalinkBase;
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What stands in the way of a start, by the variable that can put it right. */
export function startFailureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'EADDRINUSE' || code === 'EACCES') {
    return `SANDBOX_PORT: ${error.message}. Stop what listens there, or set SANDBOX_PORT to another port; 0 takes a free one.`;
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `SANDBOX_HOST: ${error.message}. Set it to an address of this machine.`;
  }
  return error.message;
}
