import type { FilePart } from './params.ts';

export interface MultipartBody {
  readonly fields: Map<string, string>;
  readonly files: Map<string, FilePart>;
}

/** Splits a multipart/form-data body; parts that cannot be read are left out. */
export function parseMultipart(body: Buffer, contentType: string): MultipartBody {
  const fields = new Map<string, string>();
  const files = new Map<string, FilePart>();
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return { fields, files };
  for (const part of partsOf(body, Buffer.from(`--${boundary}`))) addPart(part, fields, files);
  return { fields, files };
}

function partsOf(body: Buffer, mark: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let start = body.indexOf(mark);
  while (start !== -1) {
    const end = body.indexOf(mark, start + mark.length);
    if (end === -1) break;
    // Between the marks: CRLF, the part, CRLF.
    parts.push(body.subarray(start + mark.length + 2, end - 2));
    start = end;
  }
  return parts;
}

function addPart(part: Buffer, fields: Map<string, string>, files: Map<string, FilePart>): void {
  const headEnd = part.indexOf('\r\n\r\n');
  if (headEnd === -1) return;
  const head = part.subarray(0, headEnd).toString('utf8');
  const bytes = part.subarray(headEnd + 4);
  const name = /[; ]name="([^"]*)"/i.exec(head)?.[1];
  if (name === undefined) return;
  const fileName = /filename="([^"]*)"/i.exec(head)?.[1];
  if (fileName === undefined) {
    fields.set(name, bytes.toString('utf8'));
    return;
  }
  const type = /content-type:\s*([^\r\n]+)/i.exec(head)?.[1] ?? 'application/octet-stream';
  files.set(name, { name: fileName, type, bytes });
}
