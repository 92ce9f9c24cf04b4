import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCalendar } from '../../../src/import/calendar.ts';

const now = new Date('2026-11-20T10:00:00.000Z');

function read(text: string | Uint8Array, mediaBase?: string) {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return readCalendar(bytes, { now, ...(mediaBase === undefined ? {} : { mediaBase }) });
}

/** `line column rule` of every problem, which is what a person goes by. */
function places(text: string | Uint8Array): string[] {
  return read(text).problems.map(({ line, column, rule }) => `${line} ${column} ${rule}`);
}

describe('a calendar file', () => {
  it('becomes rows in the words of the API', () => {
    const { rows, problems } = read(
      'tenant,page,message,publish_mode,scheduled_at,status,reference\n' +
        'Aurora,Page One,Hello,schedule,2026-12-24T18:00:00+01:00,approved,a-1\n',
    );
    expect(problems).toEqual([]);
    expect(rows).toEqual([
      {
        line: 2,
        tenant: 'Aurora',
        page: 'Page One',
        post: {
          message: 'Hello',
          publish_mode: 'schedule',
          scheduled_at: '2026-12-24T18:00:00+01:00',
          status: 'approved',
          reference: 'a-1',
        },
      },
    ]);
  });

  it('may carry a byte order mark, CR LF, semicolons and columns in any order and case', () => {
    const { rows, problems } = read('\uFEFFMessage;Page;Tenant\r\n"a;b";P;T\r\n');
    expect(problems).toEqual([]);
    expect(rows).toEqual([{ line: 2, tenant: 'T', page: 'P', post: { message: 'a;b' } }]);
  });

  it('keeps line breaks, quotes and spaces of a quoted message and counts lines as an editor does', () => {
    const { rows } = read('tenant,page,message\r\nT,P,"one\r\n ""two"" "\r\n\r\nT,P,last\r\n');
    expect(rows.map(({ line, post }) => [line, post.message])).toEqual([
      [2, 'one\r\n "two" '],
      [5, 'last'],
    ]);
  });

  it('keeps every script and joined emoji as they are', () => {
    const text = 'مرحبا שלום नमस्ते 日本 한국 👩‍👩‍👧‍👦';
    expect(read(`tenant,page,message\nT,P,${text}\n`).rows[0]?.post.message).toBe(text);
  });

  it('leaves the columns expect and note to their owner', () => {
    const { rows, problems } = read('tenant,page,expect,note\nT,P,published,mine\n');
    expect(problems).toEqual([]);
    expect(rows[0]?.post).toEqual({});
  });
});

describe('relative times', () => {
  it('count from the import', () => {
    const { rows } = read('tenant,page,scheduled_at\nT,P,+0s\nT,P,+15m\nT,P,+2h\nT,P,+80d\n');
    expect(rows.map(({ post }) => post.scheduled_at)).toEqual([
      '2026-11-20T10:00:00.000Z',
      '2026-11-20T10:15:00.000Z',
      '2026-11-20T12:00:00.000Z',
      '2027-02-08T10:00:00.000Z',
    ]);
  });

  it('of the wall count days in their own zone', () => {
    // 23:30 UTC on the 20th is the 21st in Tokyo.
    const late = new Date('2026-11-20T23:30:00.000Z');
    const file = Buffer.from(
      'tenant,page,scheduled_local,timezone\nT,P,+1d 09:00,Asia/Tokyo\nT,P,2026-12-01 08:15,Asia/Tokyo\n',
    );
    const { rows } = readCalendar(file, { now: late });
    expect(rows.map(({ post }) => post.scheduled_local)).toEqual([
      '2026-11-22T09:00',
      '2026-12-01T08:15',
    ]);
  });

  it('leaves what it does not know to the rules of the API', () => {
    const { rows } = read('tenant,page,scheduled_at\nT,P,tomorrow\nT,P,+5y\n');
    expect(rows.map(({ post }) => post.scheduled_at)).toEqual(['tomorrow', '+5y']);
  });
});

describe('media', () => {
  it('are separated by spaces or bars, belong to the base, and take their alt texts in order', () => {
    const { rows } = read(
      'tenant,page,media,alt_text\nT,P,one.jpg https://cdn.example/two.png,First|Second\nT,P,a.jpg|film.mp4,\n',
      'https://files.example/calendar',
    );
    expect(rows.map(({ post }) => post.media)).toEqual([
      [
        { type: 'image', url: 'https://files.example/calendar/one.jpg', alt_text: 'First' },
        { type: 'image', url: 'https://cdn.example/two.png', alt_text: 'Second' },
      ],
      [
        { type: 'image', url: 'https://files.example/calendar/a.jpg' },
        { type: 'video', url: 'https://files.example/calendar/film.mp4' },
      ],
    ]);
  });

  it('with relative names need a base', () => {
    expect(places('tenant,page,media\nT,P,one.jpg\n')).toEqual(['2 media media_base_required']);
  });

  it('cannot have more alt texts than there are media', () => {
    expect(places('tenant,page,media,alt_text\nT,P,https://x.example/a.jpg,one|two\n')).toEqual([
      '2 alt_text alt_text_count',
    ]);
  });
});

describe('what is wrong with a file', () => {
  it('names every column that is unknown, missing or repeated', () => {
    expect(places('page,mesage,link,link\nP,x,,\n')).toEqual([
      '1 mesage unknown_column',
      '1 link repeated_column',
      '1 tenant missing_column',
    ]);
  });

  it('is said per row, and the good rows are read all the same', () => {
    const file = 'tenant,page,message\nT,P,good\nT,P\nT,P,a,b\n,P,x\nT,,x\nT,P,also good\n';
    expect(places(file)).toEqual([
      '3  column_count',
      '4  column_count',
      '5 tenant required',
      '6 page required',
    ]);
    expect(read(file).rows.map(({ post }) => post.message)).toEqual(['good', 'also good']);
  });

  it('includes NUL characters', () => {
    expect(places('tenant,page,message\nT,P,a\0b\n')).toEqual(['2 message no_nul']);
  });

  it('includes bytes that are not UTF-8, on whichever line of a row they stand', () => {
    const file = Buffer.concat([
      Buffer.from('tenant,page,message\nT,P,good\nT,P,"one\n'),
      Buffer.from([0xe9]),
      Buffer.from('"\nT,P,fine é\n'),
    ]);
    expect(places(file)).toEqual(['3  utf8']);
    expect(read(file).rows.map(({ post }) => post.message)).toEqual(['good', 'fine é']);
  });

  it('includes UTF-16, and says what to do', () => {
    const { problems } = read(Buffer.from('\uFEFFtenant,page\nT,P\n', 'utf16le'));
    expect(problems).toEqual([
      {
        line: 1,
        column: '',
        rule: 'utf8',
        message: 'The file is UTF-16: save it as "CSV UTF-8" and import that.',
      },
    ]);
  });

  it('includes broken quotes, which hide neither what stands before nor what stands after', () => {
    const file =
      'tenant,page,message\nT,P,good\nT,P,"broken" text\nT,P,also good\nT,P,"never closed\n';
    expect(places(file)).toEqual(['3  quotes', '5  quotes']);
    expect(read(file).rows.map(({ line, post }) => [line, post.message])).toEqual([
      [2, 'good'],
      [4, 'also good'],
    ]);
  });

  it('includes a reference that stands twice for one tenant', () => {
    const file = 'tenant,page,reference\nT,P,r-1\nU,P,r-1\nT,P,r-1\n';
    expect(places(file)).toEqual(['4 reference reference_unique']);
    expect(read(file).rows.map(({ line }) => line)).toEqual([2, 3]);
  });

  it('is said of an empty file too', () => {
    expect(places('')).toEqual(['1  empty_file']);
    expect(places('\n\n')).toEqual(['1  empty_file']);
  });
});

describe('the calendar of the demo', () => {
  const file = readFileSync(new URL('../../fixtures/calendar.csv', import.meta.url));

  it('reads without a problem, one reference a row', () => {
    const { rows, problems } = read(file, 'http://127.0.0.1:8080/images');
    expect(problems).toEqual([]);
    expect(rows).toHaveLength(46);
    expect(new Set(rows.map(({ post }) => post.reference)).size).toBe(46);
    expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(
      new Set(['Aurora Bakery', 'Kaiko Travel']),
    );
  });
});
