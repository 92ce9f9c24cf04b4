import { AppError } from '../errors.ts';

/** The queue cannot be used at the moment. Nothing is kept back to be sent later: whoever asked asks again. */
export function queueUnavailable(cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new AppError('queue_unavailable', `The queue cannot be reached: ${reason}`, { cause });
}

/** The outcome of `work`, or a rejection once `deadlineMs` have passed. What is late is ignored, not stopped. */
export async function within<Result>(deadlineMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether `work` succeeds; why it does not is of no interest. */
export function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
