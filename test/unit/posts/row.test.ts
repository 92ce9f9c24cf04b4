import { expect, it } from 'vitest';
import { viewAttempt } from '../../../src/attempts/attempt.ts';
import { etagOf, type PostRow, viewPost } from '../../../src/posts/row.ts';

const token = `EAAB${'x1'.repeat(40)}`;

const row: PostRow = {
  id: '01980000-0000-7000-8000-000000000001',
  tenant_id: '01980000-0000-7000-8000-000000000002',
  integration_id: '01980000-0000-7000-8000-000000000003',
  provider: 'facebook',
  status: 'failed',
  version: 3,
  message: 'Olá 👋',
  link: null,
  append_link: false,
  media: [{ type: 'image', url: 'https://example.com/a.jpg' }],
  publish_mode: null,
  effective_mode: 'schedule',
  scheduled_at: new Date('2026-12-24T17:30:00.000Z'),
  scheduled_local: '2026-12-24T18:30',
  timezone: 'Europe/Berlin',
  reference: 'row-17',
  metadata: { campaign: 'winter' },
  external_id: null,
  publish_url: null,
  error: { class: 'reauth', message: `Malformed access token ${token}` },
  attention: null,
  waiting: undefined,
  change: null,
  approved_at: new Date('2026-12-01T08:00:00.000Z'),
  prepared_at: new Date('2026-12-24T17:28:00.000Z'),
  published_at: null,
  lateness_ms: null,
  created_at: new Date('2026-12-01T07:00:00.000Z'),
  updated_at: new Date('2026-12-01T08:00:01.000Z'),
};

it('shows a post with times in UTC, and what was asked for beside what it came to', () => {
  expect(viewPost(row)).toEqual({
    id: '01980000-0000-7000-8000-000000000001',
    tenant_id: '01980000-0000-7000-8000-000000000002',
    integration_id: '01980000-0000-7000-8000-000000000003',
    provider: 'facebook',
    status: 'failed',
    version: 3,
    message: 'Olá 👋',
    link: null,
    append_link: false,
    media: [{ type: 'image', url: 'https://example.com/a.jpg' }],
    publish_mode: null,
    effective_mode: 'schedule',
    scheduled_at: '2026-12-24T17:30:00.000Z',
    scheduled_local: '2026-12-24T18:30',
    timezone: 'Europe/Berlin',
    reference: 'row-17',
    metadata: { campaign: 'winter' },
    external_id: null,
    publish_url: null,
    error: { class: 'reauth', message: 'Malformed access token [secret]' },
    attention: null,
    waiting: null,
    change: null,
    approved_at: '2026-12-01T08:00:00.000Z',
    prepared_at: '2026-12-24T17:28:00.000Z',
    published_at: null,
    lateness_ms: null,
    created_at: '2026-12-01T07:00:00.000Z',
    updated_at: '2026-12-01T08:00:01.000Z',
  });
});

it('names the version as the ETag', () => {
  expect(etagOf(row)).toBe('"3"');
});

it('shows an attempt with its calls, and masks what looks like a token', () => {
  const view = viewAttempt({
    id: '01980000-0000-7000-8000-000000000009',
    state: 'rejected',
    started_at: new Date('2026-12-01T08:00:00.000Z'),
    sent_at: new Date('2026-12-01T08:00:01.000Z'),
    settled_at: null,
    calls: [
      {
        method: 'POST',
        path: `/v26.0/100/feed?access_token=${token}`,
        effect: 'publishes',
        status: null,
        at: '2026-12-01T08:00:01.500Z',
      },
    ],
    hidden_id: '100_5',
    hidden_at: new Date('2026-12-01T08:00:00.900Z'),
    external_id: null,
    error: { message: token },
    evidence: [{ looked_at: '2026-12-01T08:01:00.000Z', conclusion: `saw ${token}` }],
    content_hash: 'ours',
  });
  expect(view).toEqual({
    id: '01980000-0000-7000-8000-000000000009',
    state: 'rejected',
    started_at: '2026-12-01T08:00:00.000Z',
    sent_at: '2026-12-01T08:00:01.000Z',
    settled_at: null,
    calls: [
      {
        method: 'POST',
        path: '/v26.0/100/feed?access_token=[secret]',
        effect: 'publishes',
        status: null,
        at: '2026-12-01T08:00:01.500Z',
      },
    ],
    hidden_id: '100_5',
    hidden_at: '2026-12-01T08:00:00.900Z',
    external_id: null,
    error: { message: '[secret]' },
    evidence: [{ looked_at: '2026-12-01T08:01:00.000Z', conclusion: 'saw [secret]' }],
  });
});
