import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { z } from 'zod';
import { type Sandbox, startSandbox } from '../../../src/sandbox/server.ts';
import type { SandboxOptions } from '../../../src/sandbox/world/world.ts';

/** Whatever the sandbox may answer, by name; the tests say what must be there. */
export interface Body {
  id: string;
  post_id: string;
  page_story_id: string;
  message: string;
  url: string;
  media_type: string;
  is_published: boolean;
  scheduled_publish_time: number;
  access_token: string;
  user_id: string;
  token_in: string;
  request_id: string;
  body_hash: string;
  photo_ids: string[];
  is_valid: boolean;
  now_ms: number;
  redirect: string;
  expires_in: number;
  expires_at: number;
  data_access_expires_at: number;
  granular_scopes: object[];
  scopes: string[];
  name: string;
  username: string;
  signed_request: string;
  problem: string | null;
  error_message: string;
  permissions: string[];
  seen_by: string;
  grants: { app_scoped_id: string; declined: string[] }[];
  total: number | object;
  duplicates: object[];
  duplicate_posts: number;
  public_duplicates: number;
  success: boolean;
  application: object;
  comments: object;
  updated_time: string;
  unshimmed_url: string;
  target: { id: string };
  type: string;
  app_id: string | null;
  by: string;
  created_at: string;
  call_count: number;
  data: Body[] & Body;
  attachments: Body;
  subattachments: Body;
  paging: { cursors: { before: string; after: string }; next?: string };
  pages: Record<string, { calls: object }>;
  error: {
    code: number;
    error_subcode: number;
    subcode: number;
    message: string;
    fbtrace_id: string;
  };
}

const bodySchema = z.custom<Body>();

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

export interface TestPage {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
  get(path: string, params?: Record<string, string>): Promise<Answer>;
  post(path: string, params?: object): Promise<Answer>;
  delete(path: string): Promise<Answer>;
}

/** A sandbox for one test file, emptied before every test. */
export function useSandbox(options: Partial<SandboxOptions> = {}) {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox(options);
  });
  beforeEach(async () => {
    await control('POST', 'reset');
  });
  afterAll(() => sandbox.close());

  async function send(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${sandbox.url}${path}`, { method, ...init });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parse(text) };
  }

  async function control(method: string, path: string, body?: object): Promise<Body> {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await send(method, `/_sandbox/${path}`, init);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
    return answer.body;
  }

  function as(token: string): Pick<TestPage, 'get' | 'post' | 'delete'> {
    const authorization = `Bearer ${token}`;
    return {
      get: (path, params = {}) =>
        send('GET', `/v26.0/${path}?${new URLSearchParams(params).toString()}`, {
          headers: { authorization },
        }),
      post: (path, params = {}) =>
        send('POST', `/v26.0/${path}`, {
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify(params),
        }),
      delete: (path) => send('DELETE', `/v26.0/${path}`, { headers: { authorization } }),
    };
  }

  async function aPage(given: object = {}): Promise<TestPage> {
    const made = await control('POST', 'pages', { name: 'Corner Bakery', ...given });
    return {
      id: made.id,
      token: made.access_token,
      userId: made.user_id,
      ...as(made.access_token),
    };
  }

  const advance = (ms: number) => control('POST', 'clock', { advance_ms: ms });
  const now = async (): Promise<number> => (await control('GET', 'clock')).now_ms;
  /** Unix seconds, this far from the sandbox's time. */
  const inSeconds = async (seconds: number) => Math.floor((await now()) / 1000) + seconds;
  const posts = async (): Promise<Body[]> => (await control('GET', 'ledger?kind=post')).data;
  return { send, control, as, aPage, advance, now, inSeconds, posts, url: () => sandbox.url };
}

/** Nothing (and no test can read anything of it) where the text is no JSON. */
export function parse(text: string): Body {
  try {
    return bodySchema.parse(JSON.parse(text));
  } catch {
    return bodySchema.parse(undefined);
  }
}

export const minute = 60;
export const day = 86_400;
export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAAC0lEQVR42mNgwAQAABUAAWjZyhIAAAAASUVORK5CYII=',
  'base64',
);

/** A web server with the files given, for photos by URL. */
export function useMedia(
  files: Record<
    string,
    { status?: number; headers?: Record<string, string>; body?: Buffer | string }
  >,
) {
  let server: Server;
  let port = 0;
  const agents: (string | undefined)[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      agents.push(request.headers['user-agent']);
      const file = files[request.url ?? ''] ?? { status: 404 };
      response.writeHead(file.status ?? 200, file.headers ?? {});
      response.end(file.body ?? '');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    agents,
    url: (path: string) => `http://127.0.0.1:${port}${path}`,
  };
}
