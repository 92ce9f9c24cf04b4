import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can be cut, so that a test takes a backend away without stopping it for others. */
export interface OutageProxy {
  readonly url: string;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Keeps the connections but lets nothing through them any more, as a dead network does; new ones work. */
  freeze(): void;
  restore(): Promise<void>;
}

export async function openProxy(targetUrl: string): Promise<OutageProxy> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const frozen = new WeakSet<Socket>();
  const forward = (client: Socket): void => {
    const server = connect(Number(target.port), target.hostname);
    for (const [from, to] of [[client, server] as const, [server, client] as const]) {
      sockets.add(from);
      from.on('data', (data) => frozen.has(from) || to.write(data));
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  };
  let listener = await listen(forward, 0);
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port');
  const { port } = address;
  const url = new URL(targetUrl);
  url.port = String(port);
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut: async () => {
      const closed = once(listener, 'close');
      listener.close();
      destroyAll();
      await closed;
    },
    freeze: () => {
      for (const socket of sockets) frozen.add(socket);
    },
    restore: async () => {
      if (!listener.listening) listener = await listen(forward, port);
    },
  };
}

async function listen(forward: (client: Socket) => void, port: number): Promise<Server> {
  const server = createServer(forward).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
