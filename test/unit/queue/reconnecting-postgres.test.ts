import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { ConnectionClosedError } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReconnectingPostgres } from '../../../src/queue/postgres.ts';

/** A message of PostgreSQL's protocol: its kind, its length, its content. */
function message(kind: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(kind), length, content]);
}

const authenticated = message('R', Buffer.alloc(4));
const readyForQuery = message('Z', Buffer.from('I'));
const terminated = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0'));

let server: Server;
beforeAll(async () => {
  server = createServer((socket) => {
    socket.once('data', () => {
      socket.end(Buffer.concat([authenticated, readyForQuery, terminated]));
    });
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

// Nobody asks it anything at that moment, so its error reaches nobody: uncaught, it would end the process.
test('a server that ends a connection at the moment it is ready is an outage, and no more', async () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const connection = new ReconnectingPostgres({
    connectionString: `postgresql://someone:secret@127.0.0.1:${port}/postgres`,
    schema: 'queue',
  });
  await expect(connection.waitUntilReady()).rejects.toBeInstanceOf(ConnectionClosedError);
  await connection.close();
});
