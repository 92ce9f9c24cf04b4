import { createHash, randomBytes } from 'node:crypto';

/** Makes the ids of rows that a request creates; see `CallContext.idempotentId`. */
export type IdSource = (part?: string) => string;

export const freshIds: IdSource = () => uuidV7(new Date(), randomBytes(16));

/** The same ids for the same request, however often it is run: the time it first came, the rest from its key and `part`. */
export function repeatableIds(request: {
  readonly scope: string;
  readonly key: string;
  readonly since: Date;
}): IdSource {
  return (part = '') => {
    const name = JSON.stringify(['idempotent id', request.scope, request.key, part]);
    return uuidV7(request.since, createHash('sha256').update(name).digest().subarray(0, 16));
  };
}

/** Beginning with the time, as the database's own ids do: lists are ordered by them. */
function uuidV7(at: Date, rest: Buffer): string {
  const bytes = Buffer.from(rest);
  bytes.writeUIntBE(at.getTime(), 0, 6);
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x70;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
