import { flushCompileCache } from 'node:module';

// Loaded into a process that a test started: it ends when the test's own process is gone, however that ended.
process.stdin.once('close', () => process.kill(process.pid, 'SIGKILL'));
process.stdin.resume();
if ('unref' in process.stdin) process.stdin.unref();

// Most of them are killed, and would leave nothing compiled to the next.
setTimeout(flushCompileCache, 2_000).unref();
