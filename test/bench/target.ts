import { createServer } from 'node:http';

/**
 * What both contestants call: a server that reads the body, waits, and answers with an id as Graph would. It is a
 * process of its own. `GET /stats` tells when calls arrived that show a post, and how late they were; what prepares one
 * is answered at once. `POST /reset?delay=200` begins anew.
 */
const dueTime = /due:(\d+)/;
const hidden = /"?published"?[:=]"?false/;
let delayMs = 0;
let made = 0;
/** By the id of a hidden post. */
const dueOf = new Map<string, number | undefined>();
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
      dueOf.clear();
      arrivals = [];
      latenessMs = [];
      response.end('{}');
    } else {
      const answer = JSON.stringify(answerTo(url.pathname, body));
      const isShown = !url.pathname.endsWith('/photos') && !hidden.test(body);
      if (delayMs === 0 || !isShown) response.end(answer);
      else setTimeout(() => response.end(answer), delayMs);
    }
  });
});

function answerTo(path: string, body: string): object {
  made += 1;
  const [, page, edge] = /\/(\d+)\/(feed|photos)$/.exec(path) ?? [];
  if (edge === 'photos') return { id: String(made) };
  const shown = /\/(\d+_\d+)$/.exec(path)?.[1];
  if (shown !== undefined) {
    record(dueOf.get(shown));
    return { success: true };
  }
  const id = `${page ?? '1'}_${made}`;
  const [, due] = dueTime.exec(body) ?? [];
  const dueAt = due === undefined ? undefined : Number(due);
  if (hidden.test(body)) dueOf.set(id, dueAt);
  else record(dueAt);
  return { id };
}

function record(dueAt: number | undefined): void {
  const now = Date.now();
  arrivals.push(now);
  if (dueAt !== undefined) latenessMs.push(now - dueAt);
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
