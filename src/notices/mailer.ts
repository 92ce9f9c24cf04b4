import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import SmtpConnection from 'nodemailer/lib/smtp-connection';
import { maskSecrets } from '../mask.ts';
import type { Secret } from '../secret.ts';
import type { Mail } from './notice.ts';

export interface MailSettings {
  /** `smtp://` or `smtps://`, with user and password where the server asks for them. */
  readonly url: Secret;
  readonly from: string;
}

export interface Letter extends Mail {
  readonly to: string;
  /** Tells one mail from another wherever it is logged. */
  readonly id: string;
  readonly noticeIds: readonly string[];
}

/**
 * What became of a mail. `refused`: the server has certainly not taken it. `unknown`: it may have, so that nobody may
 * send it again.
 */
export type Delivery =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused' | 'unknown'; readonly why: string };

/** Hands one mail to the server, in one try. */
export async function sendMail({ url, from }: MailSettings, letter: Letter): Promise<Delivery> {
  const { id, to, subject, text, noticeIds } = letter;
  const message = new MailComposer({
    from,
    to,
    subject,
    text,
    messageId: `<${id}@${from.replace(/^.*@|>$/g, '')}>`,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Social-Publisher-Notices': noticeIds.join(' '),
    },
  }).compile();
  return handOver(url, message.getEnvelope(), await message.build());
}

type Envelope = Parameters<SmtpConnection['send']>[0];

const spans = { connectionTimeout: 20_000, greetingTimeout: 20_000, socketTimeout: 60_000 };

/** A server can only have taken what it was given, and says so in case it has not. */
async function handOver(url: Secret, envelope: Envelope, bytes: Buffer): Promise<Delivery> {
  const { options, login } = serverOf(url);
  const connection = new SmtpConnection({ ...options, ...spans });
  let isGiven = false;
  const message = new Readable({
    read() {
      isGiven = true;
      this.push(bytes);
      this.push(null);
    },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error | null) => (error ? reject(error) : resolve());
      const send = () => connection.send(envelope, message, settle);
      const next = (error?: Error | null) => (error ? reject(error) : send());
      connection.on('error', reject);
      connection.on('end', () => reject(new Error('The server has closed the connection')));
      connection.connect((error) => {
        if (error || login === null) next(error);
        else connection.login(login, next);
      });
    });
    return { kind: 'accepted' };
  } catch (error) {
    const isRefusal = !isGiven || (responseCodeOf(error) ?? 0) >= 400;
    const why = maskSecrets(error instanceof Error ? error.message : String(error)).slice(0, 500);
    return { kind: isRefusal ? 'refused' : 'unknown', why };
  } finally {
    connection.close();
  }
}

function responseCodeOf(error: unknown): number | null {
  const isAnswer = error instanceof Error && 'responseCode' in error;
  return isAnswer && typeof error.responseCode === 'number' ? error.responseCode : null;
}

function serverOf(url: Secret) {
  const { protocol, hostname, port, username, password } = new URL(url.reveal());
  const secure = protocol === 'smtps:';
  const credentials = { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return {
    options: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
    },
    login: username === '' ? null : { credentials },
  };
}
