export interface ImageFacts {
  readonly mime: string;
  readonly width: number;
  readonly height: number;
}

/** What the bytes are, judged by themselves and never by a name or header; null if no image Meta takes. */
export function readImage(bytes: Buffer): ImageFacts | null {
  if (bytes.length < 26) return null;
  if (bytes.readUInt32BE(0) === 0x89504e47) {
    return { mime: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  }
  const head = bytes.toString('latin1', 0, 6);
  if (head === 'GIF87a' || head === 'GIF89a') {
    return { mime: 'image/gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  }
  if (head.startsWith('BM')) {
    const height = Math.abs(bytes.readInt32LE(22));
    return { mime: 'image/bmp', width: bytes.readUInt32LE(18), height };
  }
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) {
    return { mime: 'image/tiff', width: 0, height: 0 };
  }
  if (bytes.readUInt16BE(0) === 0xffd8) return readJpeg(bytes);
  return null;
}

function readJpeg(bytes: Buffer): ImageFacts | null {
  let offset = 2;
  while (offset + 9 < bytes.length) {
    if (bytes[offset] !== 0xff) return null;
    const marker = bytes[offset + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      return {
        mime: 'image/jpeg',
        height: bytes.readUInt16BE(offset + 5),
        width: bytes.readUInt16BE(offset + 7),
      };
    }
    offset += 2 + bytes.readUInt16BE(offset + 2);
  }
  return null;
}
