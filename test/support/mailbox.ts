import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** What the server does with the next mails: takes them, refuses them, or falls silent at a step. */
export type MailServerMood = 'takes' | 'refuses' | 'hangs_up_before_data' | 'loses_its_answer';

export interface ReceivedMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly noticeIds: readonly string[];
}

/** A mail server of the test's own, which keeps what it took. */
export interface Mailbox {
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  mood: MailServerMood;
  close(): Promise<void>;
}

export async function openMailbox(): Promise<Mailbox> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    serve(socket, mailbox, mails);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const mailbox: Mailbox = {
    url: `smtp://127.0.0.1:${address.port}`,
    mails,
    mood: 'takes',
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return mailbox;
}

/** As much of SMTP as a mail needs. */
function serve(socket: Socket, mailbox: Mailbox, mails: ReceivedMail[]): void {
  let rest = '';
  let to = '';
  let isData = false;
  const answer = (line: string) => socket.write(`${line}\r\n`);
  answer('220 mailbox.test ESMTP');
  socket.setEncoding('utf8').on('data', (chunk: Buffer | string) => {
    rest += String(chunk);
    for (;;) {
      const end = rest.indexOf(isData ? '\r\n.\r\n' : '\r\n');
      if (end < 0) return;
      const part = rest.slice(0, end);
      rest = rest.slice(end + (isData ? 5 : 2));
      if (isData) {
        isData = false;
        if (mailbox.mood === 'refuses') answer('451 try later');
        else {
          mails.push(parse(to, part));
          if (mailbox.mood === 'loses_its_answer') socket.destroy();
          else answer('250 taken');
        }
        continue;
      }
      const command = part.slice(0, 4).toUpperCase();
      if (command === 'EHLO') answer('250 mailbox.test');
      else if (command === 'RCPT') answer('250 ok');
      else if (command === 'DATA') {
        if (mailbox.mood === 'hangs_up_before_data') socket.destroy();
        else {
          isData = true;
          answer('354 go on');
        }
      } else if (command === 'QUIT') socket.end('221 bye\r\n');
      else answer('250 ok');
      if (command === 'RCPT') to = /<(.*)>/.exec(part)?.[1] ?? '';
    }
  });
}

function parse(to: string, raw: string): ReceivedMail {
  const [head = '', ...body] = raw.split('\r\n\r\n');
  const headers = head.replaceAll(/\r\n[ \t]+/g, ' ');
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(headers)?.[1] ?? '';
  const isQuoted = header('Content-Transfer-Encoding') === 'quoted-printable';
  const content = body.join('\n\n').replaceAll('\r\n', '\n');
  const text = isQuoted ? unquote(content) : content;
  const noticeIds = header('X-Social-Publisher-Notices').split(' ');
  return { to, subject: header('Subject'), text, noticeIds };
}

function unquote(text: string): string {
  const joined = text.replaceAll('=\n', '');
  const bytes = joined.replaceAll(/=([0-9A-F]{2})/g, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
