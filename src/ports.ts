import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { Config } from './config.ts';
import { ConfigError } from './errors.ts';

/** Throws ConfigError that names the variable at fault when this process could not listen where it is told to. */
export async function requirePorts(
  { host, port, healthPort }: Config['http'],
  needs: { readonly api: boolean },
): Promise<void> {
  const wanted = [
    ...(needs.api ? [{ name: 'PORT', port }] : []),
    ...(healthPort === undefined ? [] : [{ name: 'HEALTH_PORT', port: healthPort }]),
  ];
  const open: Server[] = [];
  try {
    for (const one of wanted) open.push(await listen(host, one));
  } finally {
    await Promise.all(open.map(close));
  }
}

async function listen(
  host: string,
  { name, port }: { readonly name: string; readonly port: number },
): Promise<Server> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return server;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new ConfigError([problemOf(code, name, host, port)]);
  }
}

function problemOf(code: string, name: string, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${name}: ${host}:${port} is in use already: stop what listens there, or set ${name} to another port`;
    case 'EACCES':
      return `${name}: this account may not listen on ${host}:${port} (${code}): set ${name} to a port above 1023`;
    default:
      return `HOST: this machine cannot listen on ${host} (${code}): set HOST to one of its addresses`;
  }
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
