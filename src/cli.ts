#!/usr/bin/env node
import { runCli } from './cli/program.ts';
import { exitOnDefects } from './crash.ts';
import { createLogger } from './log.ts';

exitOnDefects(() => createLogger({ level: 'fatal', destination: process.stderr }));
const { stdin, stdout, stderr } = process;
process.exitCode = await runCli(process.argv.slice(2), { stdin, stdout, stderr }, process.env);
