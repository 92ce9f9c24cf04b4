import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { extname, join } from 'node:path';

const types: Readonly<Record<string, string>> = { '.jpg': 'image/jpeg', '.png': 'image/png' };

export interface MediaServer {
  /** Of the folder, with a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves one folder of pictures on loopback, for the sandbox to fetch from. */
export async function serveMedia(folder: string): Promise<MediaServer> {
  const server = createServer((request, response) => {
    const name = decodeURIComponent((request.url ?? '').slice(1));
    void send(folder, name, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function send(folder: string, name: string, response: ServerResponse): Promise<void> {
  const type = types[extname(name)];
  const isPlain = /^[\w-]+\.\w+$/.test(name);
  const bytes = isPlain ? await readFile(join(folder, name)).catch(() => undefined) : undefined;
  if (type === undefined || bytes === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': type }).end(bytes);
}

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
    const server = createTcpServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}
