import { describe, expect, test, vi } from 'vitest';
import { queueUnavailable, within } from '../../../src/queue/outage.ts';

describe('within', () => {
  test('gives the outcome of work that is in time', async () => {
    await expect(within(50, Promise.resolve(7))).resolves.toBe(7);
    await expect(within(50, Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  });

  test('rejects once the time has passed', async () => {
    vi.useFakeTimers();
    const outcome = within(2000, new Promise(() => {})).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1999);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await outcome).toEqual(new Error('no answer within 2000 ms'));
    vi.useRealTimers();
  });
});

test('an unavailable queue is told with its stable code and the reason', () => {
  const error = queueUnavailable(new Error('connect ECONNREFUSED 127.0.0.1:6379'));
  expect(error).toMatchObject({
    code: 'queue_unavailable',
    message: 'The queue cannot be reached: connect ECONNREFUSED 127.0.0.1:6379',
  });
});
