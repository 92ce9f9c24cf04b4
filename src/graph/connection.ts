import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import http from 'node:http';
import https from 'node:https';

/** Whether any byte of a call can have left this machine. */
export interface Reach {
  reached: boolean;
}

type Native = typeof http | typeof https;
type OnAnswer = (answer: IncomingMessage) => void;

/** What axios calls in place of node's own module. */
export interface Transport {
  request(options: RequestOptions, onAnswer: OnAnswer): ClientRequest;
}

/** Idle sockets are dropped before servers do it: a call on a socket that just closed has no known end. */
const idleMs = 4000;
const agentOptions = { keepAlive: true, maxFreeSockets: 1024, timeout: idleMs };

/** Keep-alive agents for one client; no limit of sockets, as the number of workers is the limit. */
export function createAgents() {
  return {
    httpAgent: new http.Agent(agentOptions),
    httpsAgent: new https.Agent(agentOptions),
  };
}

/**
 * Sends like node does and notes in `reach` from when on the other side may have seen the request. A call that may not
 * start later than `startBefore`, by the monotonic clock, is judged at the last moment before its first byte: a process
 * can stand still at any line.
 */
export function watchConnection(
  url: string,
  reach: Reach,
  startBefore = Number.POSITIVE_INFINITY,
): Transport {
  const isTls = url.startsWith('https:');
  const native: Native = isTls ? https : http;
  return {
    request(options, onAnswer) {
      const request = native.request(options, onAnswer);
      const start = (): void => {
        if (performance.now() <= startBefore) reach.reached = true;
        else request.destroy(new Error('too late to start'));
      };
      request.once('socket', (socket) => {
        const isNew = !request.reusedSocket && socket.connecting;
        if (!isNew) start();
        // Before the handshake's end no byte of the request is written.
        else socket.once(isTls ? 'secureConnect' : 'connect', start);
      });
      return request;
    },
  };
}
