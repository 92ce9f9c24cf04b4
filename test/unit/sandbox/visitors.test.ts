import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/server.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ allowedHosts: ['sandbox.example'] });
});
afterAll(() => sandbox.close());

/** By `node:http`: `fetch` lets nobody choose these headers. */
function ask(method: string, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${sandbox.url}${path}`, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end(method === 'POST' ? '{}' : undefined);
  });
}

test.each([
  ['a web page of another site', { 'sec-fetch-site': 'cross-site' }],
  ['a web page of a neighbour', { 'sec-fetch-site': 'same-site' }],
  ['another origin', { origin: 'http://evil.example' }],
  ['an origin of its own kind', { origin: 'null' }],
  ['a name that was made to lead here', { host: 'rebound.evil.example' }],
])('the control routes refuse %s', async (_name, headers) => {
  expect(await ask('POST', '/_sandbox/clock', { 'content-type': 'text/plain', ...headers })).toBe(
    403,
  );
  expect(await ask('GET', '/_sandbox/pages', headers)).toBe(403);
});

test('the page is not read under a name that was made to lead here', async () => {
  const headers = { accept: 'text/html', host: 'rebound.evil.example' };
  expect(await ask('GET', '/', headers)).toBe(403);
});

test('a link on another page leads to the page', async () => {
  const headers = { accept: 'text/html', 'sec-fetch-site': 'cross-site' };
  expect(await ask('GET', '/', headers)).toBe(200);
});

test.each([
  ['a program', {}],
  ['its own page', { 'sec-fetch-site': 'same-origin' }],
  ['an address typed by hand', { 'sec-fetch-site': 'none' }],
  ['localhost', { host: 'localhost:4010' }],
  ['an address', { host: '192.168.1.7:4010' }],
  ['an address of version 6', { host: '[::1]:4010' }],
  ['the name of a container', { host: 'sandbox:4010' }],
  ['a name that was allowed', { host: 'sandbox.example' }],
])('the control routes take %s', async (_name, headers) => {
  expect(await ask('GET', '/_sandbox/pages', headers)).toBe(200);
  expect(await ask('GET', '/', { accept: 'text/html', ...headers })).toBe(200);
});

test('the Graph API answers under any name', async () => {
  expect(await ask('GET', '/v26.0/me', { host: 'graph.example' })).toBe(400);
});
