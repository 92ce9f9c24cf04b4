import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { serveControl } from './control/control.ts';
import { serveDialog } from './dialog.ts';
import { dialogAt } from './graph/login.ts';
import { serveGraph } from './graph/serve.ts';
import { renderPostPage, renderSandbox } from './page.ts';
import { settle } from './world/life.ts';
import { createWorld, defaultOptions, type SandboxOptions, type World } from './world/world.ts';

export interface Sandbox {
  /** `http://127.0.0.1:4010`, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

const maxBodyBytes = 64 * 1024 * 1024;

/** Starts the simulator in this process; by default on a free port of loopback. */
export async function startSandbox(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const holder = { world: createWorld({ ...defaultOptions, ...options }) };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    serve(holder, request, response).catch((error: unknown) => fail(response, error));
  });
  const { host, port } = holder.world.options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, 1024, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The world is replaced as a whole by a reset. */
export interface WorldHolder {
  world: World;
}

async function serve(
  holder: WorldHolder,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  if (body === null) {
    response.writeHead(413).end();
    return;
  }
  const url = request.url ?? '/';
  const isControl = url.startsWith('/_sandbox');
  const dialog = dialogAt(url.split('?')[0] ?? '');
  const isPosted = dialog !== null && request.method === 'POST';
  if (isControl || dialog !== null || isBrowser(request, url)) {
    const refusal =
      refuseHost(request, holder.world.options.allowedHosts) ??
      (isControl || isPosted ? refuseOrigin(request) : null);
    if (refusal !== null) return sendRefusal(response, refusal);
  }
  if (isControl) {
    settle(holder.world);
    return serveControl(holder, request, response, body);
  }
  if (dialog !== null) {
    serveDialog(holder.world, dialog, request, response, body);
    return;
  }
  if (url === '/favicon.ico') {
    response.writeHead(204).end();
    return;
  }
  if (request.method === 'GET' && (url === '/' || isBrowser(request, url))) {
    settle(holder.world);
    showPage(holder.world, url, response);
    return;
  }
  await serveGraph(holder.world, request, response, body);
}

function showPage(world: World, url: string, response: ServerResponse): void {
  const permalink = /^\/(\d+)\/posts\/(\d+)$/.exec(url);
  if (permalink !== null) {
    response.writeHead(302, { location: `/${permalink[1]}_${permalink[2]}` }).end();
    return;
  }
  const [, postId] = /^\/(\d+_\d+)$/.exec(url) ?? [];
  const { isThere, html } =
    postId === undefined
      ? { isThere: true, html: renderSandbox(world) }
      : renderPostPage(world, postId);
  response.writeHead(isThere ? 200 : 404, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(html);
}

/** Programs send a token and do not ask for HTML. */
function isBrowser(request: IncomingMessage, url: string): boolean {
  const isHtml = request.headers.accept?.includes('text/html') ?? false;
  return isHtml && request.headers.authorization === undefined && !url.includes('access_token');
}

function readBody(request: IncomingMessage): Promise<Buffer | null> {
  if (request.method === 'GET' && request.headers['content-length'] === undefined) {
    request.resume();
    return Promise.resolve(Buffer.alloc(0));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
    });
    request.on('end', () => resolve(size > maxBodyBytes ? null : Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

function sendRefusal(response: ServerResponse, message: string): void {
  response.writeHead(403, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { message } }));
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const message = error instanceof Error ? error.message : String(error);
  response.writeHead(500, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { message: `The sandbox itself failed: ${message}` } }));
}

type Request = Pick<IncomingMessage, 'headers'>;

/**
 * Why a name is not answered; null: it is. A web page whose name was made to lead here must neither read the sandbox's
 * tokens nor program it.
 */
function refuseHost({ headers }: Request, allowed: readonly string[]): string | null {
  const host = nameOf(`http://${headers.host ?? ''}`);
  if (isOwn(host) || allowed.includes(host)) return null;
  return `The sandbox does not answer as "${host}": use its address, or name the host in SANDBOX_ALLOWED_HOSTS.`;
}

/** Why a control route is refused to a web page of another origin in the developer's browser; null: it is not. */
function refuseOrigin({ headers }: Request): string | null {
  const site = headers['sec-fetch-site'] ?? 'none';
  const isOwnPage =
    headers.origin === undefined || URL.parse(headers.origin)?.host === headers.host;
  if (isOwnPage && (site === 'same-origin' || site === 'none')) return null;
  return 'The control routes take no requests of other web pages.';
}

function nameOf(url: string): string {
  return URL.parse(url)?.hostname ?? '';
}

/** Names without a dot are of this machine or its container network: nobody can register one. */
function isOwn(host: string): boolean {
  if (host === '') return false;
  return (
    isIP(host.replace(/^\[|\]$/g, '')) !== 0 || !host.includes('.') || host.endsWith('.localhost')
  );
}
