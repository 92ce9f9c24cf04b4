export interface CellMedia {
  readonly type: 'image' | 'video';
  readonly url: string;
  readonly alt_text?: string;
}

export interface MediaReading {
  /** Also of names that belong to no folder: their number and kind can still be judged. */
  readonly media: CellMedia[];
  readonly problems: { column: 'media' | 'alt_text'; rule: string; message: string }[];
}

/** For names without one; nothing is ever fetched from it. */
const standInBase = 'https://media.invalid/';

/** Addresses hold neither spaces nor bars, so either separates them; texts only bars. */
export function readMedia(media: string, altText: string, base: string | undefined): MediaReading {
  const names = media.split(/[\s|]+/).filter((name) => name !== '');
  const texts = altText === '' ? [] : altText.split('|').map((text) => text.trim());
  const problems: MediaReading['problems'] = [];
  if (texts.length > names.length) {
    const message = `There are ${texts.length} alt texts for ${names.length} media: give one for each, separated by "|", none or fewer.`;
    problems.push({ column: 'alt_text', rule: 'alt_text_count', message });
  }
  const relative = names.find((name) => !isAbsolute(name));
  if (relative !== undefined && base === undefined) {
    const message = `"${shorten(relative)}" is no address: write https://…, or say with --media-base where the files lie.`;
    problems.push({ column: 'media', rule: 'media_base_required', message });
  }
  const read = names.map((name, index) => asMedium(name, texts[index] ?? '', base ?? standInBase));
  return { media: read, problems };
}

function asMedium(name: string, altText: string, base: string): CellMedia {
  const url = isAbsolute(name) ? name : new URL(name, withSlash(base)).href;
  const type = /\.(?:mp4|mov|m4v|webm)(?:[?#]|$)/i.test(url) ? 'video' : 'image';
  return { type, url, ...(altText === '' ? {} : { alt_text: altText }) };
}

/** Whether the scheme is one that Meta takes is for the rules to say. */
function isAbsolute(name: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(name);
}

function withSlash(base: string): string {
  return base.endsWith('/') ? base : `${base}/`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
