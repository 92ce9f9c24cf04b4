import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { variableNames } from '../../src/config/variables.ts';

const compose = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
const [, program = ''] = /^x-program:([\s\S]*?)^services:/m.exec(compose) ?? [];

/** Compose brings the services itself, the image keeps no state and says that it is one. */
const left = new Set(['DATA_DIR', 'DATABASE_DIRECT_URL', 'QUEUE_PREFIX', 'SOCIAL_PUBLISHER_IMAGE']);

test('Compose hands on every variable of the program, so that none in .env is without effect', () => {
  const handed = [...program.matchAll(/^ {4}([A-Z_]+): /gm)].map(([, name]) => name);
  expect(new Set(handed)).toEqual(new Set(variableNames.filter((name) => !left.has(name))));
});

test('Compose opens ports to this machine only, whatever port is chosen', () => {
  const ports = [...compose.matchAll(/^ {6}- "(.*:\d+)"$/gm)].map(([, port]) => port);
  expect(ports).toEqual([
    '${API_HOST:-127.0.0.1}:${API_PORT:-3000}:3000',
    '${SANDBOX_HOST:-127.0.0.1}:${SANDBOX_PORT:-4010}:4010',
  ]);
});
