import { type Answer, graphJson } from './answer.ts';
import type { FaultSpec } from './faults.ts';
import { GraphError } from './graph-error.ts';

const json = 'application/json; charset=UTF-8';
const sorry =
  '<!DOCTYPE html><html lang="en"><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1><p>We\'re working on it and we\'ll get it fixed as soon as we can.</p></body></html>';

/** Whether this kind takes the place of the answer (the others only change what the call does). */
export function replacesAnswer(spec: FaultSpec): boolean {
  return !['delay', 'vanish', 'late', 'goes_public'].includes(spec.kind);
}

/** What the client sees; `real` is the answer it would have had. */
export function faultAnswer(spec: FaultSpec, traceId: string, real: string): Answer {
  const plain = { status: 200, body: '', headers: spec.headers, contentType: json };
  switch (spec.kind) {
    case 'error':
      return { ...plain, ...envelope(chosenError(spec), traceId) };
    case 'code_1':
      return { ...plain, ...envelope(unknownError, traceId) };
    case 'code_2':
      return { ...plain, ...envelope(serviceDown, traceId) };
    case 'timeout':
      return { ...plain, instead: { kind: 'hang', holdMs: spec.hold_ms } };
    case 'reset':
      return { ...plain, instead: { kind: 'reset' } };
    case 'html_502':
      return { ...plain, status: 502, body: sorry, contentType: 'text/html; charset=utf-8' };
    case 'html_200':
      return { ...plain, body: sorry, contentType: 'text/html; charset=utf-8' };
    case 'truncated':
      return { ...plain, body: real.slice(0, Math.max(1, Math.floor(real.length / 2))) };
    case 'empty':
      return plain;
    case 'no_id':
      return { ...plain, body: '{}' };
    case 'delay':
    case 'vanish':
    case 'late':
    case 'goes_public':
      return { ...plain, body: real };
  }
}

function envelope(error: GraphError, traceId: string): { status: number; body: string } {
  return { status: error.status, body: graphJson(error.envelope(traceId)) };
}

const unknownError = new GraphError('An unknown error has occurred.', {
  code: 1,
  status: 500,
  transient: false,
});

const serviceDown = new GraphError('(#2) Service temporarily unavailable', {
  code: 2,
  status: 500,
  transient: true,
});

function chosenError(spec: FaultSpec): GraphError {
  return new GraphError(spec.message ?? `(#${spec.code}) Injected by a fault of the sandbox`, {
    code: spec.code,
    status: spec.http_status,
    type: spec.type,
    ...(spec.subcode === undefined ? {} : { subcode: spec.subcode }),
    ...(spec.is_transient === undefined ? {} : { transient: spec.is_transient }),
  });
}
