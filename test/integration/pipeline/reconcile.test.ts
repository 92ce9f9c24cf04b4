import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { type LostAnswers, openLostAnswers } from '../../support/lost-answers.ts';
import { queueBackends } from '../../support/redis.ts';

const inAnHour = () => new Date(Date.now() + 3_600_000);

// Design 5, "Binding": what a lost answer made is found, and nothing else is taken for it.
// No queue has a part in it.
describe.each(queueBackends().slice(-1))('what a lost answer made, over %s', (backend) => {
  let it: LostAnswers;

  beforeAll(async () => {
    it = await openLostAnswers(backend);
  });
  afterAll(() => it.close());

  const asked = async (id: string) => {
    await until('asked', async () => (await it.row(id)).attention !== null);
    return it.row(id);
  };

  test.each([
    { mode: 'draft', kind: 'code_2', status: 'drafted' },
    { mode: 'schedule', kind: 'reset', status: 'scheduled' },
    { mode: 'publish', kind: 'html_502', status: 'published' },
  ] as const)('as a $mode is found, and bound', async ({ mode, kind, status }) => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.lose(outlet, 'after', kind);
    const scheduledAt = mode === 'schedule' ? inAnHour() : null;
    const id = await it.post(outlet, { message: `lost ${mode}`, publishMode: mode, scheduledAt });
    const unknown = await it.reaches(id, 'unknown');
    expect(unknown).toMatchObject({ attention: null, waiting: { reason: 'reconcile' } });
    const row = await it.reaches(id, status);
    const [post, ...more] = await it.onPage(outlet);
    expect(more).toEqual([]);
    expect(row).toMatchObject({
      external_id: post?.id,
      error: null,
      attention: null,
      waiting: null,
    });
    expect(row.publish_url).toContain('facebook.com');
    expect(row.published_at === null).toBe(mode !== 'publish');
    expect(await it.attempts(id)).toMatchObject([
      { state: 'confirmed', external_id: post?.id, error: null, reserved: 0 },
    ]);
    expect((await it.evidence(id))[0]).toMatchObject([
      { complete: true, conclusion: 'bind', candidates: [{ external_id: post?.id }] },
    ]);
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('is found also where its list has never shown a post of ours', async () => {
    const outlet = await it.outlet({ proves: false });
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'the very first' });
    expect(await it.reaches(id, 'drafted')).toMatchObject({ attention: null });
  });

  test('with photos is certain: they are bound whatever a person made of the text, and used again', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'with photos', media: it.photos(1, 2) });
    await until('made', async () => (await it.onPage(outlet)).length === 1);
    const [post] = await it.onPage(outlet);
    await it.meta.control('PATCH', `posts/${post?.id}`, { message: 'edited by hand' });
    await it.reaches(id, 'drafted');
    expect(await it.row(id)).toMatchObject({ external_id: post?.id, attention: null });
    expect(await it.onPage(outlet)).toHaveLength(1);

    const again = await it.outlet();
    await it.lose(again, 'before');
    const second = await it.post(again, { message: 'again', media: it.photos(3, 4) });
    await it.reaches(second, 'drafted');
    const uploads = await it.meta.effects('photo', again.page.id);
    expect(uploads).toHaveLength(2);
    expect((await it.onPage(again))[0]?.photo_ids).toEqual(uploads.map((photo) => photo.id));
  });

  test('is told by its photo where no list shows what it consists of', async () => {
    const outlet = await it.outlet();
    await it.weather(outlet, { attachments: 'none', drafts_listed: false });
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'in the mist', media: it.photos(5) });
    const { external_id: bound } = await it.reaches(id, 'drafted');
    expect((await it.onPage(outlet)).map((post) => post.id)).toEqual([bound]);
  });

  test.each([
    ['a text that a person edited meanwhile', { message: 'with a tpyo' }, 'with a typo', {}],
    ['a mention that Meta shows by its name', { message: 'By @[42]' }, null, 'mentions'],
    ['blank lines that Meta takes away', { message: 'a\n\n\n\nb' }, null, 'blank_lines'],
  ])('under %s is a question, and is not sent again', async (_what, post, edited, rewrite) => {
    const outlet = await it.outlet();
    await it.weather(outlet, typeof rewrite === 'string' ? { rewrite_message: [rewrite] } : {});
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, post);
    await until('made', async () => (await it.onPage(outlet)).length === 1);
    const [made] = await it.onPage(outlet);
    if (edited !== null) await it.meta.control('PATCH', `posts/${made?.id}`, { message: edited });
    expect((await asked(id)).attention).toMatchObject({
      reason: 'ambiguous',
      evidence: [{ external_id: made?.id }],
      choices: ['resolve_live', 'resolve_absent'],
    });
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('with a link that Meta shows under another address is a question', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.weather(outlet, { link_shown: 'canonical' });
    await it.lose(outlet, 'after');
    const link = 'https://m.example.com/a?utm_source=x';
    const id = await it.post(outlet, { message: '', link, publishMode: 'publish' });
    expect((await asked(id)).attention).toMatchObject({ reason: 'ambiguous' });
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('is not what a stranger wrote a little earlier, nor what another app made', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.meta.control('POST', 'apps', { id: '555' }).catch(() => undefined);
    const strangers = [
      await it.byOthers(outlet, { message: 'Happy Friday!', app_id: '555' }),
      await it.byOthers(outlet, { message: 'Happy Friday!', app_id: '555' }),
    ];
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'Happy Friday!', publishMode: 'publish' });
    const { external_id: bound } = await it.reaches(id, 'published');
    expect(strangers).not.toContain(bound);
    expect(await it.feeds(outlet)).toBe(2);
    expect(await it.onPage(outlet)).toHaveLength(3);
  });

  test('beside a post of the same text by nobody knows whom is a question', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.lose(outlet, 'after');
    const byHand = await it.byOthers(outlet, { message: 'twice' });
    const id = await it.post(outlet, { message: 'twice', publishMode: 'publish' });
    const { attention } = await asked(id);
    const ours = (await it.meta.posts(outlet.page.id)).find((post) => post.id !== byHand);
    expect(attention).toMatchObject({ reason: 'ambiguous' });
    expect(JSON.stringify(attention)).toContain(byHand);
    expect(JSON.stringify(attention)).toContain(String(ours?.id));
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('of one text and different modes is bound each to its own', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.lose(outlet, 'after', 'reset');
    await it.lose(outlet, 'before', 'reset');
    const live = await it.post(outlet, { message: 'both ways', publishMode: 'publish' });
    await until('first is made', async () => (await it.feeds(outlet)) === 1);
    const draft = await it.post(outlet, { message: 'both ways', publishMode: 'draft' });
    await it.reaches(live, 'published');
    await it.reaches(draft, 'drafted');
    const posts = await it.onPage(outlet);
    expect(posts.map((post) => post.visibility).toSorted()).toEqual(['draft', 'published']);
    expect((await it.row(live)).external_id).toBe(
      posts.find((post) => post.visibility === 'published')?.id,
    );
  });

  test('is never one of those of the same caption that are known', async () => {
    const outlet = await it.outlet();
    const last = await it.post(outlet, { message: 'Monday again' });
    const { external_id: known } = await it.reaches(last, 'drafted');
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'Monday again' });
    const row = await it.reaches(id, 'drafted');
    expect(row.external_id).not.toBe(known);
    expect(await it.onPage(outlet)).toHaveLength(2);
  });

  test('and a person deleted is not there: at no moment are there two', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'deleted by hand', media: it.photos(7) });
    await until('made', async () => (await it.onPage(outlet)).length === 1);
    const [post] = await it.onPage(outlet);
    await it.meta.control('DELETE', `posts/${post?.id}`);
    await until('sent again', async () => {
      await it.timePasses(outlet);
      return (await it.row(id)).status === 'drafted';
    });
    expect(await it.onPage(outlet)).toHaveLength(1);
  });
});
