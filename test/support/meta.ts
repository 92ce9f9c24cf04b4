import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { crc32, deflateSync } from 'node:zlib';
import { z } from 'zod';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';

const effectSchema = z.looseObject({
  seq: z.number(),
  kind: z.string(),
  id: z.string(),
  page_id: z.string(),
  visibility: z.string(),
  visibility_then: z.string().optional(),
  message: z.string().nullable(),
  link: z.string().nullable(),
  photo_ids: z.array(z.string()),
  scheduled_publish_time: z.string().nullable(),
});
export type Effect = z.infer<typeof effectSchema>;

const requestSchema = z.looseObject({
  method: z.string(),
  path: z.string(),
  status: z.number().nullable(),
});

export interface MetaPage {
  readonly id: string;
  readonly token: string;
}

/** The sandbox and a server of images, as the tests talk to them: over HTTP. */
export interface Meta {
  readonly url: string;
  /** A readable image, another at every number. */
  image(number?: number): string;
  /** A file that is cut off: Meta refuses it for good. */
  readonly tornImage: string;
  page(options?: object): Promise<MetaPage>;
  control(method: string, path: string, body?: object): Promise<unknown>;
  /** Posts that people see, or saw, or will see by the network's scheduler, in order; of one page if named. */
  posts(pageId?: string): Promise<readonly Effect[]>;
  /** Posts that are there and that nobody sees. */
  hidden(pageId?: string): Promise<readonly Effect[]>;
  effects(kind: string, pageId?: string): Promise<readonly Effect[]>;
  requests(pageId?: string): Promise<readonly z.infer<typeof requestSchema>[]>;
  close(): Promise<void>;
}

export async function startMeta(): Promise<Meta> {
  const sandbox: Sandbox = await startSandbox({ allowLoopbackMedia: true });
  const images = await serveImages();
  const control = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${sandbox.url}/_sandbox/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`sandbox ${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const effects = async (kind: string, pageId?: string): Promise<readonly Effect[]> => {
    const page = pageId === undefined ? '' : `&page_id=${pageId}`;
    return z
      .object({ data: z.array(effectSchema) })
      .parse(await control('GET', `ledger?kind=${kind}${page}`)).data;
  };
  let pages = 0;
  return {
    url: sandbox.url,
    image: (number = 0) => `${images.url}/${number}.png`,
    tornImage: `${images.url}/torn`,
    async page(options = {}) {
      pages += 1;
      const made = z
        .looseObject({ id: z.string(), access_token: z.string() })
        .parse(await control('POST', 'pages', { name: `Page ${pages}`, ...options }));
      return { id: made.id, token: made.access_token };
    },
    control,
    effects,
    posts: async (pageId) => seen(await effects('post', pageId), await states(control, pageId)),
    hidden: async (pageId) => {
      const made = await effects('post', pageId);
      return made.filter(({ visibility }) => visibility === 'dark');
    },
    async requests(pageId) {
      const query = pageId === undefined ? '' : `?page_id=${pageId}`;
      return z
        .looseObject({ data: z.array(requestSchema) })
        .parse(await control('GET', `requests${query}`)).data;
    },
    async close() {
      await sandbox.close();
      images.server.closeAllConnections();
      images.server.close();
    },
  };
}

const stateSchema = z.object({
  data: z.array(
    z.looseObject({
      id: z.string(),
      live_at: z.string().nullable(),
      scheduled_publish_time: z.string().nullable(),
    }),
  ),
});
type States = ReadonlyMap<string, z.infer<typeof stateSchema>['data'][number]>;

async function states(control: Meta['control'], pageId?: string): Promise<States> {
  const page = pageId === undefined ? '' : `?page_id=${pageId}`;
  const { data } = stateSchema.parse(await control('GET', `ledger/count${page}`));
  return new Map(data.map((post) => [post.id, post]));
}

/** What was made hidden is a post once it is public, or has its time. */
function seen(made: readonly Effect[], now: States): readonly Effect[] {
  return made.flatMap((post) => {
    const state = now.get(post.id);
    const time = state?.scheduled_publish_time ?? post.scheduled_publish_time;
    const wasHidden = post.visibility_then === 'dark';
    const isSeen = !wasHidden || state?.live_at != null || time !== null;
    return isSeen ? [{ ...post, scheduled_publish_time: time }] : [];
  });
}

async function serveImages(): Promise<{ server: Server; url: string }> {
  const png = smallPng();
  const server = createServer((request, response) => {
    const isWhole = request.url?.endsWith('.png') === true;
    response
      .writeHead(200, { 'content-type': 'image/png' })
      .end(isWhole ? png : png.subarray(0, 20));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, url: `http://127.0.0.1:${address.port}` };
}

/** 64 × 64 pixels of one grey. */
function smallPng(): Buffer {
  const side = 64;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = Buffer.alloc(side * (side + 1), 128);
  for (let row = 0; row < side; row += 1) rows[row * (side + 1)] = 0;
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND')];
  return Buffer.concat([signature, ...chunks]);
}

function chunk(type: string, content = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
