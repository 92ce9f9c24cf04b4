import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Environment } from './config/environment.ts';
import { ConfigError } from './errors.ts';

/**
 * The environment, completed by the file `.env` in the folder that the program is started in, where `.data` is as
 * well. What the environment sets wins, also when it is empty. Throws `ConfigError` when the file cannot be read.
 */
export function withDotenv(env: Environment, folder = process.cwd()): Environment {
  const path = join(folder, '.env');
  try {
    return { ...parseEnv(readFileSync(path, 'utf8')), ...env };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    if (code === 'ENOENT') return env;
    throw new ConfigError([
      `${path} cannot be read (${code}): let the account that runs this read it, or remove it`,
    ]);
  }
}
