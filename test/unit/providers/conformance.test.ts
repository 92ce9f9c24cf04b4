import { readdir } from 'node:fs/promises';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listsOf, matchPosts, wantedByCalls } from '../../../src/attempts/match.ts';
import type { CallContext } from '../../../src/providers/account.ts';
import type { Grant } from '../../../src/providers/connecting.ts';
import type { PostContent, PublishMode, StagedMedium } from '../../../src/providers/content.ts';
import { publishersOf } from '../../../src/providers/index.ts';
import type { Publishing, PublishRequest } from '../../../src/providers/provider.ts';
import { Secret } from '../../../src/secret.ts';
import { networksAt, providerNamed, publisherNamed } from '../../support/networks.ts';
import { json, startScriptedServer } from '../../support/scripted-server.ts';
import { contentOf, failureOf, openSandboxPage, recorder } from './sandbox-page.ts';

const dayMs = 86_400_000;
const inDays = (days: number) => new Date(Math.round((Date.now() + days * dayMs) / 1000) * 1000);

const since = new Date(Date.now() - 600_000);

/** A look for a post whose call was made just now. */
async function find(provider: Publishing, request: PublishRequest, context: CallContext) {
  const { account, content, mode, scheduledAt, staged } = request;
  const listing = await provider.list({ account, since, modes: listsOf(mode) }, context);
  const mediaIds = staged.map((medium) => medium.id);
  const wanted = wantedByCalls({ id: 'ours', content, mode, scheduledAt, mediaIds }, [
    { from: new Date(Date.now() - 60_000), until: new Date() },
  ]);
  const scene = { network: provider, appId: account.appId ?? null, aheadMs: 0 };
  const finding = matchPosts([wanted], listing.posts, scene).get('ours');
  return { finding, isWhole: listing.lists.every(({ seen }) => seen === 'whole') };
}

/** The network of each provider that publishes, simulated. A new one brings its own. */
const networks: Record<string, typeof openSandboxPage> = { facebook: openSandboxPage };

it('has a line in the registry for every folder of a provider', async () => {
  const entries = await readdir(new URL('../../../src/providers', import.meta.url), {
    withFileTypes: true,
  });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const names = networksAt().map(({ name }) => name);
  expect(names.toSorted()).toEqual(folders.toSorted());
  expect([...publishersOf(networksAt()).keys()].toSorted()).toEqual(
    Object.keys(networks).toSorted(),
  );
});

describe.each(networksAt().map(({ name }) => name))('connecting to %s', (name) => {
  const secrets = [
    'planted-token-0123456789',
    'planted-app-secret',
    'planted-code-0123456789',
  ] as const;
  const [token, appSecret, code] = secrets;
  const app = { appId: '4242', appSecret: new Secret(appSecret), configId: null };
  const account = { externalAccountId: '17841400000000001', token: new Secret(token), ...app };
  const redirectUri = 'https://publisher.example.com/v1/connect/callback?from=a%20b';
  const grant: Grant = {
    token: new Secret(token),
    userId: null,
    expiresAt: null,
    dataAccessExpiresAt: null,
    scopes: null,
  };

  function setup(baseUrl?: string) {
    const seen = recorder();
    const settings = { logger: seen.logger, ...(baseUrl === undefined ? {} : { baseUrl }) };
    const { connect } = providerNamed(name, settings);
    const everyCall = (context: CallContext): readonly Promise<unknown>[] => [
      ...(['facebook', 'instagram'] as const).flatMap((login) => [
        connect.verify({ ...account, login }, context),
        connect.inspect({ ...account, login }, context),
      ]),
      ...connect.logins.flatMap((login) => [
        login.exchange(app, { code, redirectUri }, context),
        login.accounts(app, grant, context),
        login.renew(app, grant.token, context),
        ...(login.revoke === undefined ? [] : [login.revoke(app, grant, context)]),
        ...(login.businesses === undefined ? [] : [login.businesses(app, grant, context)]),
      ]),
    ];
    return { connect, everyCall, ...seen };
  }

  it('says of each permission what it is for, and needs some', () => {
    for (const { scopes, optionalScopes, apps } of setup().connect.logins) {
      const all = [...scopes, ...optionalScopes];
      expect(new Set(all.map((scope) => scope.name)).size).toBe(all.length);
      for (const { why } of all) expect(`to ${why}`).toMatch(/^to [a-z][^.]+$/);
      expect(scopes.some(({ isRequired }) => isRequired)).toBe(true);
      expect(optionalScopes.filter(({ isRequired }) => isRequired)).toEqual([]);
      expect(apps.length).toBeGreaterThan(0);
    }
  });

  it('leads to the dialog with what comes back, and without a secret', () => {
    for (const login of setup().connect.logins) {
      const url = login.authorizeUrl(app, { state: 'a/b+c', redirectUri, scopes: ['x', 'y'] });
      const { searchParams } = new URL(url);
      expect(searchParams.get('client_id')).toBe('4242');
      expect(searchParams.get('state')).toBe('a/b+c');
      expect(searchParams.get('redirect_uri')).toBe(redirectUri);
      expect(searchParams.get('response_type')).toBe('code');
      expect(url).not.toContain('planted');
    }
  });

  it('renews tokens before anybody is warned of their end, a week ahead', () => {
    for (const { renewal } of setup().connect.logins) {
      if (renewal === null) continue;
      expect(renewal.earliestDay).toBeLessThan(renewal.fromDay);
      expect(renewal.fromDay).toBeLessThan(renewal.toDay);
      expect(renewal.toDay).toBeLessThan(60 - 7);
    }
  });

  it('never lets an account id lead elsewhere', async () => {
    const { connect, context, calls } = setup();
    for (const externalAccountId of ['../me', 'me', 'act_1', '1/feed?x=', '1?fields=id', '']) {
      for (const login of ['facebook', 'instagram'] as const) {
        const work = connect.verify({ ...account, externalAccountId, login }, context);
        const { record } = await failureOf(work);
        expect(record.class).toBe('invalid');
        expect(record.key).toMatch(/_id_malformed$/);
      }
    }
    expect(calls).toEqual([]);
  });

  it('takes nothing for dead while nobody answers', async () => {
    const { everyCall, context } = setup();
    for (const work of everyCall(context)) {
      expect((await failureOf(work)).record.class).toBe('retry');
    }
  });

  it('leaves no secret in what it throws, logs and reports, whatever the answer quotes', async () => {
    const echo = await startScriptedServer();
    try {
      echo.script((response, { url, body, headers }) => {
        const quoted = `${decodeURIComponent(url)} ${body} ${headers.authorization ?? ''}`;
        json({ error: { code: 100, type: 'OAuthException', message: quoted } }, 400)(response, {
          method: '',
          url,
          headers,
          body,
        });
      });
      const { everyCall, context, lines, calls } = setup(echo.url);
      const ends = await Promise.allSettled(everyCall(context));
      expect(calls.length).toBeGreaterThan(ends.length / 2);
      const told = [
        ...lines,
        JSON.stringify(calls),
        inspect(ends, { depth: 20, showHidden: true }),
      ];
      for (const secret of secrets) expect(told.join('\n')).not.toContain(secret);
      const sent = echo.requests.map(
        ({ url, body, headers }) => url + body + headers.authorization,
      );
      for (const secret of secrets) expect(sent.join('\n')).toContain(secret);
    } finally {
      await echo.close();
    }
  });
});

describe.each(Object.entries(networks))('provider %s', (name, openNetwork) => {
  let network: Awaited<ReturnType<typeof openSandboxPage>>;
  beforeEach(async () => {
    network = await openNetwork();
  });
  afterEach(() => network.close());

  function setup({ timeoutMs = 10_000, baseUrl = network.url } = {}) {
    const seen = recorder();
    const settings = { baseUrl, version: 'v26.0', timeoutMs, logger: seen.logger };
    const provider = publisherNamed(name, settings);
    const { connect } = providerNamed(name, settings);
    const stageAll = async (content: PostContent, mode: PublishMode) => {
      const staged: StagedMedium[] = [];
      for (const [index, medium] of content.media.entries()) {
        staged.push(
          await provider.stage({ account: network.account, medium, index, mode }, seen.context),
        );
      }
      return staged;
    };
    const requestOf = async (
      content: PostContent,
      mode: PublishMode,
      scheduledAt: Date | null = null,
    ) => ({
      account: network.account,
      content,
      staged: await stageAll(content, mode),
      mode,
      scheduledAt,
    });
    const publish = async (
      content: PostContent,
      mode: PublishMode,
      scheduledAt: Date | null = null,
    ) => provider.publish(await requestOf(content, mode, scheduledAt), seen.context);
    return { provider, connect, requestOf, publish, stageAll, ...seen };
  }

  async function sendAhead(days: number, maxDays: number) {
    await network.control('PATCH', `pages/${network.page.id}`, { max_schedule_days: maxDays });
    const { publish } = setup();
    return publish(contentOf({ message: 'later' }), 'schedule', inDays(days));
  }

  const photos = (count: number) =>
    Array.from({ length: count }, (_, index) => network.photo(`${index}.jpg`, `photo ${index}`));

  const contents: readonly (readonly [string, () => PostContent, number])[] = [
    ['text', () => contentOf({ message: 'Guten Morgen ☀️ — こんにちは' }), 0],
    ['a link', () => contentOf({ message: 'Read', link: 'https://example.com/a?b=1' }), 0],
    ['one photo', () => contentOf({ message: 'Cake', media: photos(1) }), 1],
    ['ten photos', () => contentOf({ media: photos(10) }), 10],
  ];
  const modes: readonly (readonly [PublishMode, string, Date | null])[] = [
    ['draft', 'draft', null],
    ['schedule', 'scheduled', inDays(3)],
    ['publish', 'published', null],
  ];
  const matrix = contents.flatMap(([what, make, count]) =>
    modes.map(([mode, visibility, at]) => ({ what, mode, visibility, at, make, count })),
  );

  it.each(matrix)('makes one post of $what in mode $mode', async (row) => {
    const { provider, publish, calls } = setup();
    const content = row.make();
    const { externalId } = await publish(content, row.mode, row.at);
    const posts = await network.posts();
    expect(posts).toMatchObject([
      {
        id: externalId,
        visibility: row.visibility,
        message: content.message,
        link: content.link,
        scheduled_publish_time: row.at?.toISOString() ?? null,
      },
    ]);
    expect(posts[0]?.photo_ids).toHaveLength(row.count);
    expect(calls.map((call) => call.effect)).toEqual([
      ...Array.from({ length: row.count }, () => 'stages'),
      'publishes',
    ]);
    expect(calls).toHaveLength(provider.callsFor(content));
    expect(provider.publishUrl(externalId)).toBe(`https://www.facebook.com/${externalId}`);
  });

  it('shows photos in the order of the post', async () => {
    const { provider, stageAll, requestOf, context } = setup();
    const content = contentOf({ media: photos(3) });
    const request = await requestOf(contentOf({}), 'publish');
    const staged = (await stageAll(content, 'publish')).toReversed();
    await provider.publish({ ...request, content, staged }, context);
    const [post] = await network.posts();
    expect(post?.photo_ids).toEqual(staged.map(({ id }) => id));
  });

  it('never publishes a post with fewer photos than it has', async () => {
    const { provider, requestOf, context } = setup();
    const request = await requestOf(contentOf({ message: 'x', media: photos(2) }), 'publish');
    const short = { ...request, staged: request.staged.slice(0, 1) };
    await expect(provider.publish(short, context)).rejects.toThrow('before each of its media');
    expect(await network.posts()).toEqual([]);
  });

  describe('a refusal', () => {
    it.each([
      ['expired', 'reauth', 'token_expired'],
      ['revoked', 'reauth', 'app_removed'],
      ['password_changed', 'reauth', 'password_changed'],
      ['checkpoint', 'permission', 'account_checkpoint'],
      ['no_role', 'permission', 'page_role_lost'],
    ])('of a token that is %s is %s', async (state, kind, key) => {
      await network.killToken(state);
      const { publish } = setup();
      const { record } = await failureOf(publish(contentOf({ message: 'x' }), 'publish'));
      expect(record).toMatchObject({ class: kind, key, who: 'tenant_admin', provider_code: 190 });
      expect(record.fbtrace_id).not.toBeNull();
      expect(await network.posts()).toEqual([]);
    });

    it('for want of a scope is a matter of permission', async () => {
      const account = await network.accountWith({ scopes: ['pages_read_engagement'] });
      const { provider, requestOf, context } = setup();
      const request = await requestOf(contentOf({ message: 'x' }), 'publish');
      const { record } = await failureOf(provider.publish({ ...request, account }, context));
      expect(record).toMatchObject({
        class: 'permission',
        key: 'posting_not_allowed',
        provider_code: 200,
      });
    });

    it('of the post itself is invalid', async () => {
      const { publish } = setup();
      const { record } = await failureOf(publish(contentOf({ message: ' ' }), 'publish'));
      expect(record).toMatchObject({
        class: 'invalid',
        who: 'author',
        key: 'post_empty',
        provider_code: 197,
      });
    });

    it('of an image that is not there is tried again, and leaves no post', async () => {
      const { publish } = setup();
      const media = [network.photo('1.jpg'), network.photo('missing.jpg')];
      const { record } = await failureOf(publish(contentOf({ message: 'x', media }), 'publish'));
      expect(record).toMatchObject({ class: 'retry', key: 'file_invalid', provider_code: 324 });
      expect(await network.posts()).toEqual([]);
    });

    it('of a photo that is in a post already is a duplicate', async () => {
      const { provider, requestOf, context } = setup();
      const request = await requestOf(contentOf({ message: 'x', media: photos(1) }), 'publish');
      await provider.publish(request, context);
      const { record } = await failureOf(provider.publish(request, context));
      expect(record).toMatchObject({ class: 'duplicate', provider_subcode: 1366051 });
      expect(await network.posts()).toHaveLength(1);
    });

    it('for a limit says how long to wait', async () => {
      const usage = {
        [network.page.id]: [{ type: 'pages', call_count: 100, estimated_time_to_regain_access: 9 }],
      };
      await network.fault({
        kind: 'error',
        code: 80001,
        headers: { 'x-business-use-case-usage': JSON.stringify(usage) },
      });
      const { publish } = setup();
      const error = await failureOf(publish(contentOf({ message: 'x' }), 'publish'));
      expect(error.record.class).toBe('rate_limited');
      expect(error.retryAfterMs).toBe(540_000);
    });
  });

  describe('the window', () => {
    it('takes what is 74 days ahead', async () => {
      await sendAhead(74, 75);
      expect(await network.posts()).toMatchObject([{ visibility: 'scheduled' }]);
    });

    it('is not open yet when the network refuses what is more than 29 days ahead', async () => {
      const { record } = await failureOf(sendAhead(40, 30));
      expect(record).toMatchObject({
        class: 'not_ready',
        key: 'facebook_schedule_window',
        provider_code: 100,
        retryable: true,
      });
    });

    it('is shut already when the network refuses what is nearer than 20 minutes', async () => {
      await network.control('POST', 'clock', { advance_ms: 180_000 });
      const failure = await failureOf(sendAhead(12 / 1440, 75));
      expect(failure.record).toMatchObject({
        class: 'not_ready',
        key: 'facebook_schedule_too_late',
      });
      expect(failure.retryAfterMs).toBe(0);
    });

    it('makes a refusal within 29 days final', async () => {
      const { record } = await failureOf(sendAhead(28, 20));
      expect(record).toMatchObject({ class: 'invalid', key: 'parameter_invalid' });
    });
  });

  describe('a lost answer', () => {
    it.each(['code_1', 'code_2', 'reset', 'html_502', 'html_200', 'truncated', 'empty', 'no_id'])(
      '(%s) is an unknown outcome, and the post is found',
      async (kind) => {
        await network.fault({ kind, when: 'after', match: { edge: 'feed', method: 'POST' } });
        const { provider, requestOf, context, calls } = setup();
        const request = await requestOf(contentOf({ message: 'Once' }), 'publish');
        const { record } = await failureOf(provider.publish(request, context));
        expect(record.class).toBe('unknown_outcome');
        const [post] = await network.posts();
        const { finding, isWhole } = await find(provider, request, context);
        expect(isWhole).toBe(true);
        expect(finding).toMatchObject({
          kind: 'bound',
          listed: { externalId: post?.id, isPublished: true },
          certain: false,
        });
        expect(calls.length).toBeLessThanOrEqual(1 + provider.lookCalls);
      },
    );

    it('is one when the time ran out', async () => {
      await network.fault({ kind: 'timeout', when: 'after', match: { edge: 'feed' } });
      const { publish } = setup({ timeoutMs: 300 });
      const { record } = await failureOf(publish(contentOf({ message: 'Once' }), 'publish'));
      expect(record.class).toBe('unknown_outcome');
      expect(await network.posts()).toHaveLength(1);
    });

    it('is none when nobody was there to connect to', async () => {
      await network.close();
      const { publish } = setup();
      const { record } = await failureOf(publish(contentOf({ message: 'Once' }), 'publish'));
      expect(record).toMatchObject({ class: 'retry', key: 'provider_unreachable' });
    });
  });

  describe('looking', () => {
    it.each(matrix)('finds $what in mode $mode', async (row) => {
      const { provider, requestOf, context } = setup();
      const request = await requestOf(row.make(), row.mode, row.at);
      const { externalId } = await provider.publish(request, context);
      expect(await find(provider, request, context)).toMatchObject({
        isWhole: true,
        finding: {
          kind: 'bound',
          listed: { externalId, isPublished: row.mode === 'publish' },
          certain: row.count > 0,
        },
      });
    });

    it('is told by a photo which post it is in, and of none where it is in none', async () => {
      const { provider, requestOf, context } = setup();
      const request = await requestOf(contentOf({ media: photos(2) }), 'draft');
      const { account, staged } = request;
      const ask = async () =>
        provider.postOfMedium({ account, mediumId: staged[1]?.id ?? '' }, context);
      expect(await ask()).toBeNull();
      const { externalId } = await provider.publish(request, context);
      expect(await ask()).toBe(externalId);
    });

    it('says of each list whether it was seen', async () => {
      const { provider, requestOf, context } = setup();
      const { account } = await requestOf(contentOf({}), 'draft');
      const look = { account, since, modes: ['draft', 'schedule', 'publish'] } as const;
      const seen = async () =>
        (await provider.list(look, context)).lists.map((list) => `${list.mode} ${list.seen}`);
      expect(await seen()).toEqual(['draft whole', 'schedule whole', 'publish whole']);
      await network.fault({ kind: 'code_2', match: { edge: 'scheduled_posts' } });
      expect(await seen()).toEqual(['draft whole', 'schedule failed', 'publish whole']);
      await network.control('PATCH', 'weather', {
        edge_scopes: { promotable_posts: 'pages_manage_ads' },
      });
      expect(await seen()).toEqual(['draft forbidden', 'schedule whole', 'publish whole']);
    });

    it('reads smaller pages where the network asks for less', async () => {
      const { provider, requestOf, publish, context, calls } = setup();
      const { account } = await requestOf(contentOf({}), 'publish');
      for (let index = 0; index < 30; index += 1)
        await publish(contentOf({ message: `${index}` }), 'publish');
      await network.control('PATCH', 'weather', { reduce_data_above_limit: 25 });
      calls.length = 0;
      const listing = await provider.list({ account, since, modes: ['publish'] }, context);
      expect(listing.posts).toHaveLength(30);
      expect(listing.lists).toMatchObject([{ seen: 'whole' }]);
      expect(calls).toHaveLength(3);
    });

    it.each(['oldest', 'ranked'])('sees all of a list that comes %s first', async (order) => {
      const { provider, requestOf, publish, context } = setup();
      await network.control('PATCH', 'weather', { edge_order: order });
      const request = await requestOf(contentOf({ message: 'among others' }), 'publish');
      for (let index = 0; index < 3; index += 1) {
        await publish(contentOf({ message: `${index}` }), 'publish');
        await network.control('POST', 'clock', { advance_ms: 1_500 });
      }
      const { externalId } = await provider.publish(request, context);
      const { finding, isWhole } = await find(provider, request, context);
      expect({ finding, isWhole }).toMatchObject({
        isWhole: true,
        finding: { kind: 'bound', listed: { externalId } },
      });
    });

    it('reads on over short and empty pages, never through the link with the token', async () => {
      const { provider, requestOf, publish, context } = setup();
      const request = await requestOf(contentOf({ message: 'the oldest' }), 'publish');
      const { externalId } = await provider.publish(request, context);
      for (let index = 0; index < 60; index += 1)
        await publish(contentOf({ message: `${index}` }), 'publish');
      await network.control('PATCH', 'settings', { short_pages: true });
      expect(await find(provider, request, context)).toMatchObject({
        isWhole: true,
        finding: { kind: 'bound', listed: { externalId } },
      });
    });

    it('does not take for ours what another app or another time made', async () => {
      const { provider, requestOf, context } = setup();
      const request = await requestOf(contentOf({ message: 'Every Monday' }), 'publish');
      await network.control('POST', `pages/${network.page.id}/posts`, { message: 'Every Monday' });
      const { posts } = await provider.list(
        { account: request.account, since, modes: ['publish'] },
        context,
      );
      expect(posts).toHaveLength(1);
      expect(posts[0]?.appId).not.toBe('4242');
    });

    it('tells a dead token instead of an absence', async () => {
      const { provider, requestOf, context } = setup();
      const request = await requestOf(contentOf({ message: 'x' }), 'publish');
      await network.killToken('expired');
      const { record } = await failureOf(find(provider, request, context));
      expect(record.class).toBe('reauth');
    });
  });

  describe('what was staged and is not needed', () => {
    it('is deleted, and once more is as good', async () => {
      const { provider, requestOf, context, calls } = setup();
      const { account, staged } = await requestOf(contentOf({ media: photos(1) }), 'draft');
      const id = staged[0]?.id ?? '';
      const before = calls.length;
      await provider.unstage({ account, id }, context);
      const photo = (await network.effects()).find(({ kind }) => kind === 'photo');
      expect(photo).toMatchObject({ id, visibility: 'deleted' });
      await provider.unstage({ account, id }, context);
      expect(calls.slice(before).map(({ effect }) => effect)).toEqual(['changes', 'changes']);
    });

    it('stays for now while the network has trouble', async () => {
      const { provider, requestOf, context } = setup();
      const { account, staged } = await requestOf(contentOf({ media: photos(1) }), 'draft');
      await network.fault({ kind: 'code_2', match: { method: 'DELETE' } });
      const request = { account, id: staged[0]?.id ?? '' };
      const { record } = await failureOf(provider.unstage(request, context));
      expect(record.class).toBe('retry');
    });
  });

  it('tells ids of its posts from anything else', async () => {
    const { provider, publish } = setup();
    const { externalId } = await publish(contentOf({ message: 'x' }), 'draft');
    const account = network.account.externalAccountId;
    expect(provider.isPostOf(account, externalId)).toBe(true);
    for (const other of ['', account, `1${externalId}`, `${externalId}/x`, 'https://a.example/1']) {
      expect(provider.isPostOf(account, other)).toBe(false);
    }
  });

  describe('reading back', () => {
    it('gives the permalink, the state and the times', async () => {
      const { provider, publish, context } = setup();
      const at = inDays(3);
      const { externalId } = await publish(contentOf({ message: 'x' }), 'schedule', at);
      const read = await provider.read({ account: network.account, externalId }, context);
      expect(read).toMatchObject({ isPublished: false, scheduledAt: at });
      expect(read?.permalink).toMatch(/^https:\/\//);
      expect(Math.abs((read?.createdAt?.getTime() ?? 0) - Date.now())).toBeLessThan(5000);
    });

    it('gives nothing for a post that a person deleted', async () => {
      const { provider, publish, context } = setup();
      const { externalId } = await publish(contentOf({ message: 'x' }), 'publish');
      await network.control('DELETE', `posts/${externalId}`);
      expect(await provider.read({ account: network.account, externalId }, context)).toBeNull();
    });
  });

  describe('changing a post that is not live', () => {
    it('gives it another text and another time', async () => {
      const { provider, publish, context } = setup();
      const { externalId } = await publish(contentOf({ message: 'x' }), 'schedule', inDays(3));
      const request = { account: network.account, externalId };
      const scheduledAt = inDays(4);
      await provider.change({ ...request, message: 'y', scheduledAt }, context);
      expect(await provider.read(request, context)).toMatchObject({
        message: 'y',
        scheduledAt,
        isPublished: false,
      });
      await provider.change({ ...request, message: 'z' }, context);
      expect(await provider.read(request, context)).toMatchObject({
        message: 'z',
        scheduledAt,
      });
    });

    it('is refused with what the network says', async () => {
      const { provider, publish, context } = setup();
      const { externalId } = await publish(contentOf({ message: 'x' }), 'schedule', inDays(3));
      const scheduledAt = new Date(Date.now() + 60_000);
      const request = { account: network.account, externalId, scheduledAt };
      const { record } = await failureOf(provider.change(request, context));
      expect(record).toMatchObject({ class: 'invalid', provider_code: 100 });
    });

    it('says of a lost answer that it may be tried again, once it was read', async () => {
      const { provider, publish, context } = setup();
      const { externalId } = await publish(contentOf({ message: 'x' }), 'schedule', inDays(3));
      const request = { account: network.account, externalId, message: 'y' };
      await network.fault({
        match: { method: 'POST', edge: 'node' },
        kind: 'reset',
        when: 'after',
      });
      const { record } = await failureOf(provider.change(request, context));
      expect(record.class).toBe('retry');
      expect(await provider.read(request, context)).toMatchObject({ message: 'y' });
    });

    it('deletes it, and says when there is nothing to delete', async () => {
      const { provider, publish, context, calls } = setup();
      const { externalId } = await publish(contentOf({ message: 'x' }), 'draft');
      const request = { account: network.account, externalId };
      expect(await provider.delete(request, context)).toBe(true);
      expect(await provider.delete(request, context)).toBe(false);
      expect(await provider.read(request, context)).toBeNull();
      expect(calls.filter(({ effect }) => effect === 'changes')).toHaveLength(2);
    });

    it('knows whether the account itself answers', async () => {
      const { provider, context } = setup();
      expect(await provider.isReadable(network.account, context)).toBe(true);
      const other = { ...network.account, externalAccountId: '404404' };
      expect(await provider.isReadable(other, context)).toBe(false);
      await network.killToken('expired');
      const { record } = await failureOf(provider.isReadable(network.account, context));
      expect(record.class).toBe('reauth');
    });
  });

  describe('verifying', () => {
    it('accepts the token of the very account', async () => {
      const { connect, context } = setup();
      expect(await connect.verify(network.account, context)).toMatchObject({
        externalAccountId: network.page.id,
        name: 'Bakery',
      });
    });

    it('tells the token of a person from that of the account', async () => {
      const account = await network.accountWith({ type: 'user' });
      const { connect, context } = setup();
      const { record } = await failureOf(connect.verify(account, context));
      expect(record).toMatchObject({ class: 'reauth', key: 'token_is_user_token' });
    });

    it('refuses tokens that are dead, unknown, or may not read', async () => {
      const { connect, context } = setup();
      const blind = await network.accountWith({ scopes: ['pages_manage_posts'] });
      expect((await failureOf(connect.verify(blind, context))).record.class).toBe('permission');
      await network.killToken('expired');
      expect((await failureOf(connect.verify(network.account, context))).record.class).toBe(
        'reauth',
      );
    });

    it('refuses a token that may read but not write, and writes nothing to find out', async () => {
      const { connect, context } = setup();
      const readOnly = await network.accountWith({ scopes: ['pages_read_engagement'] });
      const { record } = await failureOf(connect.verify(readOnly, context));
      expect(record).toMatchObject({ class: 'permission', key: 'scope_missing' });
      await connect.verify(network.account, context);
      expect(await network.effects()).toEqual([]);
    });

    it('never lets an account id lead elsewhere', async () => {
      const { connect, context, calls } = setup();
      for (const externalAccountId of ['../me', 'me', '1/feed?x=', '1?fields=access_token', '']) {
        const account = { ...network.account, externalAccountId };
        expect((await failureOf(connect.verify(account, context))).record.class).toBe('invalid');
      }
      expect(calls).toEqual([]);
    });
  });

  it('sends tokens in a header only, with the proof, and leaves no secret anywhere', async () => {
    const { provider, connect, requestOf, publish, context, lines, calls } = setup();
    const request = await requestOf(contentOf({ message: 'x', media: photos(1) }), 'draft');
    const { externalId } = await provider.publish(request, context);
    await find(provider, request, context);
    await provider.read({ account: network.account, externalId }, context);
    await connect.verify(network.account, context);
    await network.killToken('expired');
    const error = await failureOf(publish(contentOf({ message: 'y' }), 'draft'));
    const requests = await network.requests();
    expect(requests.map((sent) => sent.token_in)).toEqual(requests.map(() => 'header'));
    expect(requests.map((sent) => sent.has_appsecret_proof)).toEqual(requests.map(() => true));
    expect(
      requests
        .filter(({ method }) => method === 'POST')
        .flatMap(({ params }) => Object.keys(params)),
    ).not.toContain('fields');
    expect(lines.length).toBeGreaterThan(0);
    const told = [
      ...lines,
      JSON.stringify(calls),
      inspect(error, { depth: 20, showHidden: true }),
    ].join('\n');
    for (const secret of network.secrets) expect(told).not.toContain(secret);
  });
});
