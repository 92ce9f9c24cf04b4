import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { until } from './fleet.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const program = process.env['TEST_CHROMIUM'] ?? 'chromium';

/** Why no test can run in a browser here; undefined: they can. */
export const browserObstacle =
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
    ? undefined
    : `no ${program} on PATH, and TEST_CHROMIUM does not name one`;

export interface Browser {
  /** A person of their own: nothing is shared with another, cookies neither. */
  person(): Promise<Tab>;
  close(): Promise<void>;
}

/** One tab, as a person has it in front of them. */
export interface Tab {
  goto(url: string): Promise<void>;
  /** Presses, with the mouse, what is called so, and waits for the page that this leads to. */
  press(name: string): Promise<void>;
  /** Ticks or unticks the box of this name. */
  toggle(name: string): Promise<void>;
  /** Keys of the keyboard, one after the other: `Tab`, `Enter`, ` `. */
  keys(...keys: readonly string[]): Promise<void>;
  /** As the button of the browser does. */
  back(): Promise<void>;
  /** Waits until the address is such a one, and the page is there. */
  arrives(at: RegExp): Promise<string>;
  text(): Promise<string>;
  evaluate(expression: string): Promise<unknown>;
  /** What Chromium kept the pages from, as by their policies. */
  readonly refusals: readonly string[];
  shoot(path: string, width: number): Promise<void>;
}

/** Chromium without a window, driven by its own protocol. */
export async function openBrowser(): Promise<Browser> {
  const folder = await createTemporaryFolder();
  const child = spawn(
    program,
    [
      '--headless=new',
      '--remote-debugging-port=0',
      '--no-first-run',
      '--disable-gpu',
      // The tests may run as root, where Chromium cannot build its sandbox; it sees pages of our own only.
      '--no-sandbox',
      '--disable-dev-shm-usage',
      `--user-data-dir=${folder.path}/profile`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (data) => (said += String(data)));
  const address = (): string | undefined => /listening on (ws:\S+)/.exec(said)?.[1];
  await until('Chromium listens', async () => address() !== undefined, 30_000);
  const wire = await openWire(address() ?? '');
  return {
    person: () => openTab(wire),
    async close() {
      child.kill('SIGKILL');
      await exited;
      await folder.remove();
    },
  };
}

type Values = Readonly<Record<string, unknown>>;
type Heard = (method: string, params: Values) => void;

interface Wire {
  send(method: string, params?: Values, sessionId?: string): Promise<Values>;
  listen(sessionId: string, heard: Heard): void;
}

const message = z.object({
  id: z.number().optional(),
  sessionId: z.string().optional(),
  method: z.string().default(''),
  params: z.record(z.string(), z.unknown()).default({}),
  result: z.record(z.string(), z.unknown()).default({}),
  error: z.object({ message: z.string() }).optional(),
});

async function openWire(address: string): Promise<Wire> {
  const socket = new WebSocket(address);
  await once(socket, 'open');
  const waiting = new Map<number, (answer: z.output<typeof message>) => void>();
  const listeners = new Map<string, Heard>();
  let last = 0;
  socket.addEventListener('message', ({ data }) => {
    const got = message.parse(JSON.parse(String(data)));
    if (got.id === undefined) listeners.get(got.sessionId ?? '')?.(got.method, got.params);
    else waiting.get(got.id)?.(got);
  });
  return {
    async send(method, params = {}, sessionId?: string) {
      const id = (last += 1);
      const { promise, resolve } = Promise.withResolvers<z.output<typeof message>>();
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params, sessionId }));
      const { error, result } = await promise;
      waiting.delete(id);
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result;
    },
    listen: (sessionId, heard) => void listeners.set(sessionId, heard),
  };
}

const ids = z.object({ id: z.string() });
const evaluated = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.object({ text: z.string() }).loose().optional(),
});
const place = z.object({ x: z.number(), y: z.number() }).nullable();
const image = z.object({ data: z.string() });
const entry = z.object({ entry: z.object({ text: z.string() }) });

/** Finds what people see by its words: a button, a link, the label of a box. */
const find = (name: string): string => `(() => {
  const words = (one) => one.textContent.replace(/\\s+/g, ' ').trim();
  const all = [...document.querySelectorAll('button, a, label')].filter((one) => !one.control?.disabled);
  const found = all.find((one) => words(one) === ${JSON.stringify(name)}) ?? all.find((one) => words(one).startsWith(${JSON.stringify(name)}));
  if (found === undefined) return null;
  found.scrollIntoView({ block: 'center' });
  const { x, y, width, height } = (found.control ?? found).getBoundingClientRect();
  return { x: x + width / 2, y: y + height / 2 };
})()`;

async function openTab(wire: Wire): Promise<Tab> {
  const { id: context } = ids.parse({
    id: (await wire.send('Target.createBrowserContext'))['browserContextId'],
  });
  const { id: target } = ids.parse({
    id: (await wire.send('Target.createTarget', { url: 'about:blank', browserContextId: context }))[
      'targetId'
    ],
  });
  const { id: session } = ids.parse({
    id: (await wire.send('Target.attachToTarget', { targetId: target, flatten: true }))[
      'sessionId'
    ],
  });
  const send = (method: string, params: Values = {}) => wire.send(method, params, session);
  const refusals: string[] = [];
  const noteRefusal = (text: string): void => {
    if (/violates|refused|blocked/i.test(text)) refusals.push(text);
  };
  let pages = 0;
  wire.listen(session, (method, params) => {
    if (method === 'Log.entryAdded') noteRefusal(entry.parse(params).entry.text);
    // Also when the browser brings back a page that it kept.
    if (method === 'Page.frameNavigated') pages += 1;
  });
  for (const domain of ['Page', 'Runtime', 'Log']) await send(`${domain}.enable`);

  const address = async () => String(await evaluate('location.href').catch(() => ''));
  const evaluate = async (expression: string): Promise<unknown> => {
    const answer = await send('Runtime.evaluate', { expression, returnByValue: true });
    const { result, exceptionDetails } = evaluated.parse(answer);
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
    return result.value;
  };
  /** A page that is about to lead on by itself is none to stay on. */
  const isThere = async (): Promise<boolean> =>
    (await evaluate(
      `document.readyState === 'complete' && document.querySelector('meta[http-equiv=refresh][content^="0"]') === null`,
    ).catch(() => false)) === true;
  const settled = async (before: number): Promise<void> =>
    until('the next page is there', async () => pages > before && (await isThere()), 30_000);
  const click = async (name: string): Promise<void> => {
    const at = place.parse(await evaluate(find(name)));
    if (at === null) throw new Error(`Nothing is called "${name}": ${await text()}`);
    const mouse = { ...at, button: 'left', clickCount: 1 };
    for (const type of ['mousePressed', 'mouseReleased']) {
      await send('Input.dispatchMouseEvent', { type, ...mouse });
    }
  };
  const text = async (): Promise<string> => String(await evaluate('document.body.innerText'));
  return {
    refusals,
    evaluate,
    text,
    async goto(url) {
      const before = pages;
      await send('Page.navigate', { url });
      await settled(before);
    },
    async press(name) {
      const before = pages;
      await click(name);
      await settled(before);
    },
    toggle: click,
    async keys(...keys) {
      for (const key of keys) await pressKey(send, key);
    },
    async back() {
      const before = pages;
      await evaluate('history.back()');
      await settled(before);
    },
    async arrives(at) {
      const isHere = async () => at.test(await address()) && (await isThere());
      await until(`the address is like ${at}`, isHere, 15_000).catch(async (error: unknown) => {
        throw new Error(`At ${await address()}: ${await text()}`, { cause: error });
      });
      return address();
    },
    async shoot(path, width) {
      const device = { width, height: width < 600 ? 844 : 900, deviceScaleFactor: 1 };
      await send('Emulation.setDeviceMetricsOverride', { ...device, mobile: width < 600 });
      const { data } = image.parse(
        await send('Page.captureScreenshot', { captureBeyondViewport: true }),
      );
      await mkdir(join(path, '..'), { recursive: true });
      await writeFile(path, Buffer.from(data, 'base64'));
      await send('Emulation.clearDeviceMetricsOverride');
    },
  };
}

const keyCodes: Readonly<Record<string, { readonly code: number; readonly text?: string }>> = {
  Tab: { code: 9 },
  Enter: { code: 13, text: '\r' },
  ' ': { code: 32, text: ' ' },
};

async function pressKey(
  send: (method: string, params: Values) => Promise<Values>,
  key: string,
): Promise<void> {
  const { code = 0, text } = keyCodes[key] ?? {};
  const event = { key, windowsVirtualKeyCode: code, ...(text === undefined ? {} : { text }) };
  await send('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
  await send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
}
