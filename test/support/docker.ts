import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { promisify } from 'node:util';

/** What the tests in containers start; any image that keeps the contract of the official one will do. */
export const images = {
  postgres: process.env['TEST_POSTGRES_IMAGE'] ?? 'postgres:18-bookworm',
  redis: process.env['TEST_REDIS_IMAGE'] ?? 'redis:8-bookworm',
} as const;

const answerTimeoutMs = 5_000;
const pullTimeoutMs = 120_000;

const hostLabel = 'social-publisher.test-host';
const folderLabel = 'social-publisher.test-run';

/** On each container of a run, so that a later run can tell whether it was left behind. */
export function labelsOf(runFolder: string): Record<string, string> {
  return { [hostLabel]: hostname(), [folderLabel]: runFolder };
}

/** Why no containers can be started on this machine; undefined when they can. Pulls what is not here yet. */
export async function findContainerObstacle(): Promise<string | undefined> {
  if (!(await succeeds(['version'], answerTimeoutMs))) return 'no Docker daemon answers';
  const all = Object.values(images);
  const here = await Promise.all(all.map(isObtainable));
  const missing = all.filter((_image, index) => here[index] === false);
  if (missing.length === 0) return undefined;
  const names = missing.join(' and ');
  return `Docker is there, but ${names} ${missing.length === 1 ? 'is' : 'are'} not and cannot be pulled`;
}

async function isObtainable(image: string): Promise<boolean> {
  if (await succeeds(['image', 'inspect', image], answerTimeoutMs)) return true;
  process.stdout.write(`pulling ${image} for the tests in containers\n`);
  return succeeds(['pull', '--quiet', image], pullTimeoutMs);
}

/** Those of runs on this host that were killed before they could remove their own: their run folders are gone. */
export async function removeLeftContainers(): Promise<void> {
  const format = `{{.ID}} {{.Label "${folderLabel}"}}`;
  const filter = `label=${hostLabel}=${hostname()}`;
  const list = ['ps', '--all', '--no-trunc', '--filter', filter, '--format', format];
  const listed = await docker(list, answerTimeoutMs).catch(() => '');
  const left = listed.split('\n').filter((line) => line !== '' && isLeft(line));
  if (left.length === 0) return;
  const ids = left.map((line) => line.split(' ', 1).join(''));
  await succeeds(['rm', '--force', '--volumes', ...ids], pullTimeoutMs);
}

function isLeft(line: string): boolean {
  return !existsSync(line.slice(line.indexOf(' ') + 1));
}

async function succeeds(command: readonly string[], timeoutMs: number): Promise<boolean> {
  return docker(command, timeoutMs).then(
    () => true,
    () => false,
  );
}

async function docker(command: readonly string[], timeoutMs: number): Promise<string> {
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
  return (await promisify(execFile)('docker', [...command], options)).stdout;
}
