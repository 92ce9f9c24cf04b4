import { parseSandboxEnv, startFailureText } from './env.ts';
import { startSandbox } from './server.ts';

try {
  const sandbox = await startSandbox(parseSandboxEnv(process.env));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void sandbox.close().then(() => process.exit(0));
    });
  }
  process.stdout.write(
    `Sandbox of Meta's Graph API at ${sandbox.url} (control routes under /_sandbox)\n`,
  );
} catch (error) {
  process.stderr.write(`${startFailureText(error)}\n`);
  process.exitCode = 1;
}
