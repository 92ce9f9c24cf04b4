import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { day, png, useMedia, useSandbox } from './sandbox-client.ts';

const { send, control, aPage, advance, url } = useSandbox({ allowLoopbackMedia: true });
const media = useMedia({
  '/a.png': { body: png },
  '/moved': { status: 302, headers: { location: '/a.png' } },
  '/loop': { status: 302, headers: { location: '/loop' } },
  '/page.html': { headers: { 'content-type': 'image/png' }, body: '<html>Log in</html>' },
  '/clip.mp4': { body: Buffer.from('\0\0\0\x18ftypmp42aaaaaaaaaaaaaaaaaaaaaaaaaaaa') },
  '/huge.png': { body: Buffer.concat([png, Buffer.alloc(10 * 1024 * 1024)]) },
});

test('an unpublished photo answers its id alone and makes no post', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/photos`, {
    url: media.url('/a.png'),
    published: false,
  });
  expect(Object.keys(answer.body)).toEqual(['id']);
  expect((await control('GET', 'ledger')).data).toMatchObject([
    { kind: 'photo', visibility: 'staged' },
  ]);
});

test('a published photo answers its id and the id of its post', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/photos`, {
    url: media.url('/a.png'),
    caption: 'Bread',
  });
  expect(answer.body.post_id).toMatch(new RegExp(`^${page.id}_`));
  expect((await control('GET', 'ledger')).data).toMatchObject([
    { kind: 'photo', visibility: 'published' },
    { kind: 'post', message: 'Bread', photo_ids: [answer.body.id] },
  ]);
});

test('the URL is fetched as facebookexternalhit', async () => {
  const page = await aPage();
  await page.post(`${page.id}/photos`, { url: media.url('/moved'), published: false });
  expect(media.agents.at(-1)).toBe('facebookexternalhit/1.1');
});

test('the size of the picture is read from its bytes', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/photos`, {
    url: media.url('/a.png'),
    published: false,
  });
  expect((await page.get(body.id, { fields: 'width,height' })).body).toMatchObject({
    width: 2,
    height: 3,
  });
});

test.each([
  ['is missing', '/none', 324, 2069019],
  ['redirects for ever', '/loop', 324, 2069019],
  ['is a web page that calls itself a picture', '/page.html', 324, 2069019],
  ['is a video', '/clip.mp4', 100, 1366046],
  ['is larger than 10 MB', '/huge.png', 100, 1366046],
])('a photo that %s is refused', async (_name, path, code, subcode) => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/photos`, { url: media.url(path), published: false });
  expect(answer.status).toBe(400);
  expect(answer.body.error).toMatchObject({ code, error_subcode: subcode });
  expect((await control('GET', 'ledger')).data).toEqual([]);
});

test('a photo is fetched again where its server closed the connection that was kept open', async () => {
  const served = new WeakSet<object>();
  const server = createServer(({ socket }, response) => {
    if (served.has(socket)) return socket.destroy();
    served.add(socket);
    return response.writeHead(200, { 'content-type': 'image/png' }).end(png);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  try {
    const page = await aPage();
    const photo = { url: `http://127.0.0.1:${port}/a.png`, published: false };
    expect((await page.post(`${page.id}/photos`, photo)).status).toBe(200);
    expect((await page.post(`${page.id}/photos`, photo)).status).toBe(200);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('bytes come as multipart source and are shown by the sandbox', async () => {
  const page = await aPage();
  const form = new FormData();
  form.set('published', 'false');
  form.set('source', new Blob([png], { type: 'image/png' }), 'a.png');
  const answer = await send('POST', `/v26.0/${page.id}/photos`, {
    body: form,
    headers: { authorization: `Bearer ${page.token}` },
  });
  expect(answer.status).toBe(200);
  const shown = await fetch(`${url()}/_sandbox/media/${answer.body.id}`);
  expect(Buffer.from(await shown.arrayBuffer()).equals(png)).toBe(true);
});

test('a photo that nobody used is gone after a day', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/photos`, {
    url: media.url('/a.png'),
    published: false,
  });
  await advance((day - 60) * 1000);
  expect((await page.get(body.id)).status).toBe(200);
  await advance(60_000);
  expect((await page.get(body.id)).body.error).toMatchObject({ code: 100, error_subcode: 33 });
  const late = await page.post(`${page.id}/feed`, { attached_media: [{ media_fbid: body.id }] });
  expect(late.body.error.code).toBe(100);
});

test('a staged photo says which post took it', async () => {
  const page = await aPage();
  const { body: photo } = await page.post(`${page.id}/photos`, {
    url: media.url('/a.png'),
    published: false,
  });
  expect((await page.get(photo.id, { fields: 'page_story_id' })).body).toEqual({ id: photo.id });
  const { body: post } = await page.post(`${page.id}/feed`, {
    attached_media: [{ media_fbid: photo.id }],
  });
  expect((await page.get(photo.id, { fields: 'page_story_id' })).body.page_story_id).toBe(post.id);
});
