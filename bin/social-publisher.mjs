#!/usr/bin/env node
// Plain JavaScript, so that an old Node can read it too and say what is missing.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const oldestNode = 24;
const root = new URL('../', import.meta.url);
const programs = { cli: 'src/cli.ts', demo: 'src/demo/main.ts', sandbox: 'src/sandbox/main.ts' };
const roles = ['api', 'scheduler', 'publisher', 'background'];
// As for every start that only a person can put right: EX_CONFIG of sysexits.h.
const notStartable = 78;

/** The file to run and its arguments: `start [role]`, `demo`, `sandbox`; anything else is a command of the CLI. */
function choose([name, ...rest]) {
  if (name === 'start') return { file: fileOfRole(rest[0]), args: rest.slice(1) };
  const file = programs[name];
  if (file !== undefined) return { file, args: rest };
  return { file: programs.cli, args: name === undefined ? rest : [name, ...rest] };
}

function fileOfRole(role) {
  if (role === undefined) return 'src/main.ts';
  return roles.includes(role) ? `workers/${role}.ts` : undefined;
}

async function run({ file, args }) {
  if (file === undefined) {
    refuse(`There is no such role: start takes ${roles.join(', ')}, or nothing for all of them.`);
    return;
  }
  const path = fileURLToPath(new URL(file, root));
  process.argv = [process.execPath, path, ...args];
  try {
    await import(new URL(file, root).href);
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    refuse(
      `${error.message}\nA part of Social Publisher is not installed: run \`npm ci\` in ${fileURLToPath(root)}.`,
    );
  }
}

/** The Node that the package brings along for development and for trying it out. */
function runOnBundledNode() {
  const bundled = fileURLToPath(new URL('node_modules/node/bin/node', root));
  if (!existsSync(bundled)) {
    refuse(
      `Social Publisher needs Node ${oldestNode} or newer; this is Node ${process.versions.node} (${process.execPath}).\n` +
        `Install Node ${oldestNode}, or run \`npm ci\` with the development packages, which bring one along.`,
    );
    return;
  }
  const child = spawn(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // What is typed at a terminal reaches the child anyway, and twice would mean: at once.
  const isTyped = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal === 'SIGTERM' || !isTyped) child.kill(signal);
    });
  }
  child.on('error', (error) => refuse(`${bundled} cannot be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function refuse(text) {
  process.stderr.write(`${text}\n`);
  process.exitCode = notStartable;
}

if (Number.parseInt(process.versions.node, 10) >= oldestNode) {
  await run(choose(process.argv.slice(2)));
} else {
  runOnBundledNode();
}
