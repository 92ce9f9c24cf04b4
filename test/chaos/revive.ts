import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { commandOf, waitUntilGone } from '../../src/db/embedded/process.ts';

/** A server that this run started: what it takes to start it again as it was. */
interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid: number;
  readonly gid: number;
}

/** Ends the server with this signal and starts it again, same port and data; resolves with its new pid. */
export async function restartServer(
  pid: number,
  signal: NodeJS.Signals,
  downMs: number,
): Promise<number> {
  const { command, args, uid, gid } = commandOfServer(pid);
  process.kill(pid, signal);
  if (!(await waitUntilGone(pid, 20_000))) throw new Error(`${command} (${pid}) does not end`);
  await new Promise((resolve) => setTimeout(resolve, downMs));
  const child = spawn(command, [...args], { cwd: '/', detached: true, stdio: 'ignore', uid, gid });
  child.unref();
  if (child.pid === undefined) throw new Error(`${command} could not be started again`);
  return child.pid;
}

function commandOfServer(pid: number): ServerCommand {
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  if (commandOf(pid) === '') throw new Error(`no process ${pid}`);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const idOf = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return { command, args: args.slice(0, -1), uid: idOf('Uid'), gid: idOf('Gid') };
}
