import { createServer } from 'node:http';

/**
 * What both contestants call: a server that reads the body, waits, and answers with an id as Graph would. It is a
 * process of its own. `GET /stats` tells when calls arrived and how late they were, `POST /reset?delay=200` begins anew.
 */
const dueTime = /due:(\d+)/;
let delayMs = 0;
let arrivals: number[] = [];
let latenessMs: number[] = [];

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://target');
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    if (url.pathname === '/stats') {
      response.end(JSON.stringify(stats()));
    } else if (url.pathname === '/reset') {
      delayMs = Number(url.searchParams.get('delay') ?? 0);
      arrivals = [];
      latenessMs = [];
      response.end('{}');
    } else {
      record(body);
      const page = /\/(\d+)\/feed/.exec(url.pathname)?.[1] ?? '1';
      const answer = JSON.stringify({ id: `${page}_${arrivals.length}` });
      if (delayMs === 0) response.end(answer);
      else setTimeout(() => response.end(answer), delayMs);
    }
  });
});

function record(body: string): void {
  const now = Date.now();
  arrivals.push(now);
  const due = dueTime.exec(body)?.[1];
  if (due !== undefined) latenessMs.push(now - Number(due));
}

function stats() {
  const late = latenessMs.toSorted((a, b) => a - b);
  const at = (share: number) => late[Math.min(late.length - 1, Math.floor(late.length * share))];
  return {
    calls: arrivals.length,
    firstAt: arrivals[0] ?? null,
    lastAt: arrivals.at(-1) ?? null,
    p50: at(0.5) ?? null,
    p99: at(0.99) ?? null,
    max: late.at(-1) ?? null,
    earliest: late[0] ?? null,
  };
}

server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') process.send?.(address.port);
});
