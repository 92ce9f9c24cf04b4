import { inspect } from 'node:util';
import type { CallRecord } from '../../../src/providers/content.ts';
import { providerNamed } from '../../support/networks.ts';
import { json, type SeenRequest, startScriptedServer } from '../../support/scripted-server.ts';
import { recorder } from './sandbox-page.ts';

/** What a call gets: a body, or a status and a body. */
type Answer = object | readonly [status: number, body: object];
type Answers = Readonly<Record<string, Answer | Answering>>;
type Answering = (query: URLSearchParams) => Answer;

/** Answers by method and path, word by word as they were documented or recorded; anything else is not found. */
export async function startScriptedMeta() {
  const server = await startScriptedServer();
  return {
    answer(answers: Answers): void {
      server.script((response, request) => {
        const [status, body] = find(answers, request);
        json(body, status)(response, request);
      });
    },
    /** The requests since the last time. */
    requests: server.requests,
    connect(name: string) {
      const seen = recorder();
      const settings = {
        baseUrl: server.url,
        version: 'v26.0',
        timeoutMs: 5000,
        logger: seen.logger,
      };
      const told = (more: unknown = null) =>
        [
          ...seen.lines,
          JSON.stringify(seen.calls),
          inspect(more, { depth: 20, showHidden: true }),
        ].join('\n');
      const paths = () => seen.calls.map(({ method, path }: CallRecord) => `${method} ${path}`);
      return { connect: providerNamed(name, settings).connect, ...seen, paths, told };
    },
    url: server.url,
    close: () => server.close(),
  };
}

/** Of the address, or of the form. */
export function paramsOf({ url, headers, body }: SeenRequest): URLSearchParams {
  const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
  return isForm ? new URLSearchParams(body) : new URL(url, 'http://meta.test').searchParams;
}

function find(answers: Answers, request: SeenRequest): readonly [number, object] {
  const { method, url } = request;
  const { pathname } = new URL(url, 'http://meta.test');
  const given = answers[`${method} ${pathname.replace('/v26.0', '')}`];
  if (given === undefined) return [404, error(2500, { message: `Unknown path ${pathname}` })];
  const answer = isAnswering(given) ? given(paramsOf(request)) : given;
  return isPair(answer) ? answer : [200, answer];
}

function isAnswering(answer: Answer | Answering): answer is Answering {
  return typeof answer === 'function';
}

function isPair(answer: Answer): answer is readonly [number, object] {
  return Array.isArray(answer);
}

export function error(code: number, more: object = {}): object {
  return { error: { message: 'm', type: 'OAuthException', code, fbtrace_id: 'F', ...more } };
}
