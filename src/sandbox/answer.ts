import type { ServerResponse } from 'node:http';
import type { World } from './world.ts';

/** One answer on the wire. `body` is sent as it is; `hang` and `reset` never answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly instead?:
    | { readonly kind: 'hang'; readonly holdMs: number }
    | { readonly kind: 'reset' };
}

/** JSON as Meta writes it: slashes and everything outside ASCII escaped. */
export function graphJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!/[/\u007f-\uffff]/.test(text)) return text;
  return text.replaceAll(/[/\u007f-\uffff]/g, (char) =>
    char === '/' ? '\\/' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function writeAnswer(world: World, response: ServerResponse, answer: Answer): void {
  if (answer.instead?.kind === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  if (answer.instead?.kind === 'hang') {
    const timer = setTimeout(() => response.destroy(), answer.instead.holdMs);
    response.on('close', () => clearTimeout(timer));
    return;
  }
  response.sendDate = false;
  response.writeHead(answer.status, {
    date: new Date(world.clock.now()).toUTCString(),
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    ...answer.headers,
  });
  response.end(answer.body);
}
