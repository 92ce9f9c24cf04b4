import { describe, expect, test } from 'vitest';
import type { PublishRow } from '../../../src/attempts/row.ts';
import type { GraphClient } from '../../../src/graph/client.ts';
import { createFacebook } from '../../../src/providers/facebook/index.ts';
import type { Publishing } from '../../../src/providers/provider.ts';
import { judge } from '../../../src/publishing/judge.ts';

const now = new Date('2026-11-20T12:00:00Z');
const minutes = (count: number) => new Date(now.getTime() + count * 60_000);
const client: GraphClient = { request: () => Promise.reject(new Error('judging calls nobody')) };

const provider: Publishing = {
  ...createFacebook(client, { version: 'v26.0' }).publishing,
  rules: [
    {
      id: 'no_empty',
      severity: 'error',
      meaning: 'A post needs a message.',
      action: 'Write one.',
      source: 'test',
      check: ({ content }) =>
        content.message === '' ? [{ path: 'message', message: 'is empty' }] : [],
    },
  ],
};

const row: PublishRow = {
  id: 'p',
  tenantId: 't',
  integrationId: 'i',
  provider: 'facebook',
  status: 'queued',
  version: 4,
  run: 2,
  tries: 0,
  message: 'hello',
  link: null,
  appendLink: false,
  media: [],
  publishMode: null,
  scheduledAt: null,
  approvedAt: now,
  autoPublish: false,
  lateLimitS: 7200,
  integrationStatus: 'active',
  sealedToken: 'sealed',
  externalAccountId: '1',
  appId: '',
  login: 'facebook',
  sealedAppSecret: null,
  nearWindowUntil: null,
  isTooNear: false,
  earlierHidden: null,
  heldUntil: null,
  capabilities: {},
  prepared: null,
  firstSentAt: null,
  lastSent: null,
  dismissed: [],
  now,
};
const photos = ['1', '2', '3'].map((name) => ({
  type: 'image',
  url: `https://a.example/${name}.png`,
}));
const staged = (index: number, at: Date) => ({ index, id: `m${index}`, at: at.toISOString() });
const resting = {
  id: 'a',
  version: 4,
  mode: 'draft',
  staged: [],
  hiddenId: null,
  hiddenAt: null,
  isCreating: false,
  calls: [],
  booked: 0,
  reserved: 0,
};
const sent = {
  firstSentAt: minutes(-30),
  lastSent: {
    id: 'a',
    state: 'rejected',
    version: 4,
    sentAt: minutes(-30).toISOString(),
    ownedUntil: minutes(-29).toISOString(),
    isDropping: false,
    content: { message: 'hello', link: null, media: [] },
    mode: 'draft',
    staged: [],
    scheduledAt: null,
  },
};
const begun = (changes: Partial<PublishRow>) => {
  const verdict = judge({ ...row, ...changes }, provider);
  if (verdict.kind !== 'begin') throw new Error(`it does not begin: ${JSON.stringify(verdict)}`);
  return verdict.beginning;
};

const rested = (hours: number) =>
  begun({ media: photos, prepared: { ...resting, staged: [staged(0, minutes(-hours * 60))] } });

describe('judge', () => {
  test('a draft that was never sent is opened as sent: nothing comes before its call', () => {
    expect(begun({})).toMatchObject({ opens: 'sends', calls: 1, version: 4, mode: 'draft' });
  });

  test('photos are staged first', () => {
    expect(begun({ media: photos })).toMatchObject({ opens: 'stages', calls: 4 });
  });

  test('what was sent before is looked for first, and the look is paid for', () => {
    expect(begun(sent)).toMatchObject({ opens: 'stages', calls: 4 });
  });

  test('staged photos are used again for twenty hours', () => {
    expect(rested(19)).toMatchObject({ staged: [{ id: 'm0' }], calls: 3, resumes: 'a' });
    expect(rested(21)).toMatchObject({ staged: [], calls: 4, resumes: 'a' });
  });

  test.each([
    ['that a lost answer may have put into a post', { isCreating: true }],
    ['that were staged for another mode', { mode: 'publish' }],
  ])('photos %s are staged anew', (_name, changes) => {
    const prepared = { ...resting, staged: [staged(0, minutes(-1))], ...changes };
    expect(begun({ media: photos, prepared })).toMatchObject({ staged: [], calls: 4 });
  });

  describe('in two steps', () => {
    const due = { publishMode: 'publish', autoPublish: true, scheduledAt: now } as const;
    const hidden = {
      ...resting,
      mode: 'publish',
      hiddenId: '1_2',
      hiddenAt: minutes(-2),
      reserved: 1,
    };

    test('a text is made hidden by its first call, and revealed by its second', () => {
      expect(begun(due)).toMatchObject({ opens: 'creates', calls: 2, resumes: null });
    });

    test('what is hidden already is opened as sent, with the call that it had set aside', () => {
      const beginning = begun({ ...due, media: photos, prepared: hidden });
      expect(beginning).toMatchObject({ opens: 'sends', calls: 1, kept: 1, resumes: 'a' });
    });

    test('what is hidden and not due waits for its time', () => {
      const scheduledAt = minutes(1);
      const verdict = judge({ ...row, ...due, scheduledAt, prepared: hidden }, provider);
      expect(verdict).toMatchObject({
        change: { to: 'approved', set: { nextRunAt: scheduledAt } },
      });
    });

    test('what is hidden with an older content gives way', () => {
      const beginning = begun({ ...due, prepared: { ...hidden, version: 3 } });
      expect(beginning).toMatchObject({ opens: 'creates', resumes: null, replaces: true, kept: 0 });
    });

    test('a Page that has refused two gets one, and what is hidden gives way', () => {
      const capabilities = { two_steps: { value: 'no', seen_at: now.toISOString() } };
      const beginning = begun({ ...due, prepared: hidden, capabilities });
      expect(beginning).toMatchObject({ opens: 'sends', calls: 1, resumes: null, replaces: true });
    });

    test('what an earlier attempt could not reveal is read first', () => {
      const earlierHidden = [{ attemptId: 'x', hiddenId: '1_9' }];
      expect(begun({ ...due, earlierHidden })).toMatchObject({ opens: 'stages', calls: 3 });
    });
  });

  test('only hand-overs for later than tomorrow leave room', () => {
    expect(begun({ scheduledAt: minutes(60) }).leavesRoom).toBe(false);
    expect(begun({ scheduledAt: minutes(25 * 60) })).toMatchObject({
      leavesRoom: true,
      mode: 'schedule',
    });
    expect(begun({}).leavesRoom).toBe(false);
  });

  test('two integrations of one Page share a budget, two Pages do not', () => {
    const key = begun({}).budgetKey;
    expect(begun({ integrationId: 'other', tenantId: 'other' }).budgetKey).toBe(key);
    expect(begun({ externalAccountId: '2' }).budgetKey).not.toBe(key);
  });

  test.each([
    ['a broken rule', { message: '' }, 'no_empty'],
    ['media of no known shape', { media: [{ type: 'poem' }] }, 'media_shape'],
    ['publishing without the opt-in', { publishMode: 'publish' as const }, 'auto_publish_required'],
  ])('%s fails the post, once, with the record that the job shows', (_name, changes, key) => {
    const verdict = judge({ ...row, ...changes }, provider);
    expect(verdict).toMatchObject({
      kind: 'change',
      change: { from: ['queued'], version: 4, to: 'failed', set: { error: { key } } },
      failure: { key, class: 'invalid', who: 'author' },
    });
  });

  test.each([
    ['integration', { integrationStatus: 'needs_reconnect' }],
    ['meta_limit', { heldUntil: minutes(5) }],
    ['window', { scheduledAt: minutes(80 * 24 * 60) }],
  ])('waits for %s without a try', (reason, changes) => {
    const verdict = judge({ ...row, ...changes }, provider);
    expect(verdict).toMatchObject({
      kind: 'change',
      failure: null,
      change: { to: 'approved', set: { waiting: { reason } } },
    });
    expect(JSON.stringify(verdict)).not.toContain('"tries"');
  });

  test('a hold that is over holds nothing', () => {
    expect(begun({ heldUntil: minutes(-1) }).opens).toBe('sends');
  });

  test('what comes too late is missed, but a draft never is', () => {
    const late = { scheduledAt: minutes(-121), autoPublish: true, publishMode: 'publish' } as const;
    expect(judge({ ...row, ...late }, provider)).toMatchObject({ change: { to: 'missed' } });
    expect(begun({ scheduledAt: minutes(-121), publishMode: 'draft' }).mode).toBe('draft');
  });
});
