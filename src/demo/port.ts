import { createServer } from 'node:net';

/** The port that a variable asks for, else this one. */
export function wantedPort(text: string | undefined, otherwise: number): number {
  const port = Number(text || otherwise);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : otherwise;
}

/** The first of these ports that is free on loopback, else any free one. */
export async function pickPort(wanted: readonly number[]): Promise<number> {
  for (const port of [...wanted, 0]) {
    const free = await tryPort(port);
    if (free !== undefined) return free;
  }
  throw new Error('No port is free on 127.0.0.1.');
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}
