import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import type { Outlet } from '../../support/pipeline.ts';
import { openTwoSteps, type TwoSteps } from '../../support/two-steps.ts';

const noPhotos: number[] = [];
const kinds = [
  { kind: 'text', photos: noPhotos, link: false },
  { kind: 'link', photos: noPhotos, link: true },
  { kind: 'photo', photos: [1], link: false },
  { kind: 'album', photos: [1, 2, 3], link: false },
];

// What a lost answer to the first step leaves hidden: the post goes out once, and what is certainly ours is deleted.
// No queue has a part in it.
describe('an orphan', () => {
  let it: TwoSteps;

  beforeAll(async () => {
    it = await openTwoSteps();
    await it.fleet.start('scheduler', 'publisher', 'background');
    await it.meta.control('POST', 'apps', { id: '909', secret: 'of another app' });
  });
  afterAll(() => it.close());

  const photosOf = (numbers: readonly number[]) =>
    numbers.map((n) => ({ type: 'image', url: it.meta.image(n) }));
  const isLeft = async (id: string) => {
    const [first] = await it.attempts(id);
    return first?.orphans.length ?? 0;
  };
  /** The answer is lost, what was made is an orphan, and the post goes out with the next try. */
  const orphaned = async (outlet: Outlet, post: object, fault: object = {}) => {
    await it.fault(outlet, 'feed', { kind: 'code_2', when: 'after', ...fault });
    const id = await it.post(outlet, { publishMode: 'publish', ...post });
    await until(
      'its answer was lost',
      async () => (await it.attempts(id))[0]?.orphans.length === 1,
    );
    await it.timePasses(outlet);
    await it.reaches(id, 'published');
    return id;
  };

  describe.each(kinds)('of a $kind', ({ kind, photos, link }) => {
    const content = (message: string) => ({
      message,
      media: photosOf(photos),
      ...(link ? { link: 'https://example.com/menu' } : {}),
    });

    test('is deleted, and the post is seen once', async () => {
      const outlet = await it.outlet();
      const id = await orphaned(outlet, content(`orphaned ${kind}`));
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 1 });
      await it.isCleaned(outlet);
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 1 });
      await until('it is written', async () => (await isLeft(id)) === 0);
      expect(await it.row(id)).toMatchObject({ status: 'published', attention: null });
    });

    test('that was never made is nothing, and costs nothing', async () => {
      const outlet = await it.outlet();
      const id = await orphaned(outlet, content(`never ${kind}`), { when: 'before' });
      await until('it is written', async () => {
        await it.later(outlet);
        return (await isLeft(id)) === 0;
      });
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 0 });
    });

    test('left by a publisher that was killed is deleted, and the post is seen once', async () => {
      await it.fleet.stop();
      await it.fleet.start('scheduler');
      const outlet = await it.outlet();
      await it.fault(outlet, 'feed', { kind: 'timeout', when: 'after', hold_ms: 20_000 });
      const id = await it.post(outlet, { ...content(`killed ${kind}`), publishMode: 'publish' });
      const publisher = await it.spawn('publisher', { GRAPH_TIMEOUT_MS: '15000' });
      await until('it is there', async () => (await it.there(outlet)).hidden === 1);
      await publisher.kill();
      await it.force(id, `lease_until = now() - interval '1 second'`);
      await it.sweep();
      await it.fleet.start('publisher', 'background');
      await it.reaches(id, 'published');
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 1 });
      await it.isCleaned(outlet);
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 1 });
      expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed' }]);
    });

    test('of a post that was cancelled meanwhile is deleted, and nothing is seen', async () => {
      const outlet = await it.outlet();
      await it.fault(outlet, 'feed', { kind: 'reset', when: 'after' });
      const id = await it.post(outlet, { ...content(`cancelled ${kind}`), publishMode: 'publish' });
      await until('its answer was lost', async () => (await isLeft(id)) === 1);
      expect((await it.act(outlet, id, 'cancel')).status).toBe(200);
      await it.isCleaned(outlet);
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 0, gone: 1 });
    });
  });

  test('is told by its photos, whatever else looks like it', async () => {
    const outlet = await it.outlet();
    const id = await orphaned(outlet, { message: 'twins', media: photosOf([1]) });
    await it.byHand(outlet, { message: 'twins', published: false });
    await it.byHand(outlet, { message: 'twins', published: false, app_id: '909' });
    await until('it is written', async () => {
      await it.later(outlet);
      return (await isLeft(id)) === 0;
    });
    expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 2, gone: 1 });
  });

  test.each([{}, { app_id: '909' }])(
    'is not what somebody else has hidden with the same words: that stays (%o)',
    async (by) => {
      const outlet = await it.outlet();
      const id = await orphaned(outlet, { message: 'the same words' }, { when: 'before' });
      const stranger = await it.byHand(outlet, {
        message: 'the same words',
        published: false,
        ...by,
      });
      await until('it was looked for', async () => {
        await it.later(outlet);
        const [orphan] = (await it.attempts(id))[0]?.orphans ?? [];
        return orphan === undefined || orphan.kept !== undefined;
      });
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 1, gone: 0 });
      const deleted = await it.meta.effects('delete', outlet.page.id);
      expect(deleted.map((effect) => effect.id)).not.toContain(stranger);
    },
  );

  test('is not what another post of ours has made ready with the same words', async () => {
    const outlet = await it.outlet();
    const lost = await orphaned(outlet, { message: 'every week' }, { when: 'before' });
    const ready = await it.prepared(outlet, { message: 'every week' });
    await until('it is written', async () => {
      await it.later(outlet);
      return (await isLeft(lost)) === 0;
    });
    expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 1, gone: 0 });
    await it.falls(ready);
    await it.reaches(ready, 'published');
    expect(await it.there(outlet, 'every week')).toMatchObject({ public: 2, hidden: 0, gone: 0 });
  });

  test('is not what is being made at this moment with the same words', async () => {
    const outlet = await it.outlet();
    const lost = await orphaned(outlet, { message: 'once more' }, { when: 'before' });
    await it.fault(outlet, 'feed', { kind: 'delay', when: 'after', delay_ms: 1_200 });
    const slow = await it.post(outlet, { message: 'once more', publishMode: 'publish' });
    await until('it is there', async () => (await it.there(outlet)).hidden === 1);
    await it.later(outlet);
    await it.reaches(slow, 'published');
    expect(await it.there(outlet, 'once more')).toMatchObject({ public: 2, hidden: 0, gone: 0 });
    await until('it is written', async () => {
      await it.later(outlet);
      return (await isLeft(lost)) === 0;
    });
  });

  test('whose text came back otherwise is told all the same', async () => {
    const outlet = await it.outlet();
    await it.weather(outlet, { rewrite_message: ['blank_lines', 'trailing_blanks', 'composed'] });
    const message = 'Ope\u0301ra  \n\n\n\nin the park';
    await orphaned(outlet, { message });
    await it.isCleaned(outlet);
    expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 1 });
  });

  test('that cannot be told from another one is kept, and counted', async () => {
    const outlet = await it.outlet();
    const first = await orphaned(outlet, { message: 'two of them' });
    const second = await orphaned(outlet, { message: 'two of them' });
    for (const id of [first, second]) {
      await until('it was looked for', async () => {
        await it.later(outlet);
        const orphans = (await it.attempts(id))[0]?.orphans ?? [];
        return orphans.every((orphan) => orphan.kept !== undefined);
      });
    }
    const { public: shown, hidden, gone } = await it.there(outlet);
    expect({ shown, all: hidden + gone }).toEqual({ shown: 2, all: 2 });
  });

  test('that is public after all is never deleted, and a person is told', async () => {
    const outlet = await it.outlet();
    const id = await orphaned(outlet, { message: 'shown by hand', media: photosOf([2]) });
    const [post] = await it.meta.hidden(outlet.page.id);
    await it.meta.control('PATCH', `posts/${post?.id ?? ''}`, { publish: true });
    await until('a person is told', async () => {
      await it.later(outlet);
      return (await it.row(id)).attention !== null;
    });
    expect(await it.there(outlet)).toMatchObject({ public: 2, hidden: 0, gone: 0 });
  });

  test('of a list that cannot be read is kept for later', async () => {
    const outlet = await it.outlet();
    const id = await orphaned(outlet, { message: 'unreadable' });
    const match = { page_id: outlet.page.id, edge: 'promotable_posts' };
    await it.meta.control('POST', 'faults', { match, kind: 'code_2' });
    await it.later(outlet);
    await until('it was asked', async () =>
      (await it.calls(outlet)).some((call) => call === 'GET promotable_posts'),
    );
    await it.isCleaned(outlet);
    await until('it is written', async () => (await isLeft(id)) === 0);
    expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 1 });
  });

  test('after every try of a post was lost: each of them goes', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'code_2', when: 'after', times: 3 });
    const id = await it.post(outlet, { publishMode: 'publish', media: photosOf([4]) });
    await until('it is out', async () => {
      await it.timePasses(outlet);
      return (await it.row(id)).status === 'published';
    });
    expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 3 });
    await it.isCleaned(outlet);
    expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 3 });
  });
});
