import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ApiAnswer, TestApi } from '../../support/api.ts';
import { type Author, anAuthor, createPostsApi } from '../../support/posts-api.ts';

let api: TestApi;
let author: Author;
beforeAll(async () => {
  api = await createPostsApi();
  author = await anAuthor(api);
});
afterAll(() => api.close());

function create(body: object): Promise<ApiAnswer> {
  const whole = { integration_id: author.integrationId, ...body };
  return api.call('POST', '/v1/posts', { token: author.key, body: whole });
}

async function accountOf({ integrationId, key }: Author): Promise<string> {
  const { body } = await api.call('GET', `/v1/integrations/${integrationId}`, { token: key });
  return z.string().parse(body['external_account_id']);
}

describe('a refusal says what is wrong and what is meant', () => {
  it.each([
    [{ text: 'hi' }, 'Unknown field `text`; did you mean `message`?'],
    [{ mesage: 'hi' }, 'Unknown field `mesage`; did you mean `message`?'],
    [{ scheduledAt: 'x' }, 'Unknown field `scheduledAt`; did you mean `scheduled_at`?'],
    [{ colour: 'red' }, 'Unknown field `colour`.'],
    [
      { media: [{ type: 'image', url: 'https://a.example/a.jpg', altText: 'x' }] },
      'Unknown field `media[0].altText`; did you mean `alt_text`?',
    ],
    [{ message: 7 }, 'message: must be a string, not a number.'],
    [{ media: {} }, 'media: must be an array, not an object.'],
    [{ status: 'live' }, 'status: must be one of draft, in_review, approved.'],
    [{ reference: 'r'.repeat(501) }, 'reference: must have at most 500 characters.'],
    [{ media: [{ type: 'image', url: '' }] }, 'media[0].url: must have at least 1 character.'],
  ])('%j: %s', async (body, detail) => {
    expect((await create(body)).body).toMatchObject({ detail });
  });

  it('also of a query', async () => {
    const answer = await api.call('GET', '/v1/posts?limt=5', { token: author.key });
    const detail = 'Unknown query parameter `limt`; did you mean `limit`?';
    expect(answer).toMatchObject({ status: 400, body: { detail } });
  });

  it('of a key: authentication is required, and how', async () => {
    const answer = await api.call('GET', '/v1/posts', { token: null });
    expect(answer.body).toMatchObject({
      title: 'Authentication required',
      detail: 'Send the header Authorization: Bearer <key>.',
    });
  });
});

describe('the id of an account where that of its integration belongs', () => {
  it('is answered with the integration that is meant, and never with that of another tenant', async () => {
    const account = await accountOf(author);
    const other = await anAuthor(api);
    for (const path of ['/v1/posts', '/v1/posts/validate']) {
      const mine = await api.call('POST', path, {
        token: author.key,
        body: { integration_id: account, message: 'hi' },
      });
      expect(mine.status).toBe(404);
      expect(mine.body['detail']).toBe(
        `integration_id: there is no integration "${account}". This is the id of the account; its integration is ${author.integrationId}.`,
      );
      const theirs = await api.call('POST', path, {
        token: other.key,
        body: { integration_id: account, message: 'hi' },
      });
      expect(theirs.status).toBe(404);
      expect(theirs.body['detail']).toBe(
        `integration_id: there is no integration "${account}". It is the \`id\` that GET /v1/integrations shows.`,
      );
    }
  });

  it('is refused as a filter with where the right one is shown', async () => {
    const answer = await api.call('GET', '/v1/posts?integration_id=4711', { token: author.key });
    expect(answer.body).toMatchObject({
      detail: 'query.integration_id: must be the id (a UUID) that GET /v1/integrations shows.',
    });
  });
});

describe('the address of the program itself', () => {
  const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

  it('shows a browser where the pages are', async () => {
    const answer = await api.call('GET', '/?a=b', { token: null, headers: { accept } });
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8', vary: 'accept' },
    });
    for (const place of ['/docs', '/openapi.json', '/problems', '/admin/queues', '/readyz']) {
      expect(answer.text).toContain(`href="${place}"`);
    }
  });

  it('shows that nowhere else, and changes nothing', async () => {
    const headers = { accept };
    for (const [method, path] of [
      ['GET', '/v1/nothing'],
      ['POST', '/'],
    ] as const) {
      const answer = await api.call(method, path, { token: null, headers });
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  it('tells a program where the API is', async () => {
    const answer = await api.call('GET', '/', { token: null });
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    for (const place of ['/v1', '/docs', '/openapi.json', '/admin/queues']) {
      expect(answer.body['detail']).toContain(place);
    }
  });
});

describe('the pages', () => {
  const paths = ['/docs', '/problems', '/problems/invalid', '/problems/facebook_too_many_photos'];

  it.each(paths)('%s cannot be framed, sniffed or followed', async (path) => {
    const { status, headers } = await api.call('GET', path, { token: null });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; .*form-action 'none'; frame-ancestors 'none'$/,
    );
  });

  it('of a problem shows the document as it is answered', async () => {
    const page = await api.call('GET', '/problems/rate_limited', { token: null });
    const text = page.text.replace(/&#(\d+);/g, (_all, point) =>
      String.fromCodePoint(Number(point)),
    );
    const [, document = ''] =
      /<pre>HTTP\/1\.1 429 Too Many Requests\n[^{]*(\{[\s\S]*\})<\/pre>/.exec(text) ?? [];
    expect(text).toContain('Retry-After: 5');
    expect(JSON.parse(document)).toMatchObject({
      type: 'https://publisher.test/problems/rate_limited',
      status: 429,
      code: 'rate_limited',
    });
  });

  it('of a rule says what it means, its bound and what to do', async () => {
    const page = await api.call('GET', '/problems/facebook_too_many_photos', { token: null });
    expect(page.text).toContain('takes at most 10 photos');
    expect(page.text).toContain('What to do');
    const list = await api.call('GET', '/problems', { token: null });
    for (const rule of ['facebook_too_many_photos', 'scheduled_change_fields', 'unknown_field']) {
      expect(list.text).toContain(`href="/problems/${rule}"`);
    }
    expect((await api.call('GET', '/problems/no_such_rule', { token: null })).status).toBe(404);
  });

  it('show the fields of a body where it is sent', async () => {
    const { text } = await api.call('GET', '/docs', { token: null });
    const [, section = ''] = /id="createPost">([\s\S]*?)<\/details>/.exec(text) ?? [];
    for (const field of ['scheduled_local', 'media[].alt_text', 'metadata']) {
      expect(section).toContain(`<code>${field}</code>`);
    }
    expect(text).toContain('<a class="here" href="#createPost"');
  });
});
