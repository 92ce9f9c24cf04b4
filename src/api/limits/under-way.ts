/** A request of a tenant from its entrance until its answer was taken. */
export interface Held {
  /** Adds the answer, unless whoever asked has gone; false: the tenant has too much under way for it. */
  grow(bytes: number): boolean;
  release(): void;
}

const mostBytes = 64 * 1024 * 1024;
/** Small requests cost memory too: so many of them fit, and no more. */
const leastBytes = 64 * 1024;

/**
 * How much each tenant has under way, in bytes of bodies and answers: whoever sends much at once, or does not take what
 * was asked for, holds memory that all share.
 */
export class UnderWay {
  readonly #bytes = new Map<string, number>();

  /** Undefined: the tenant has too much under way. */
  hold(tenantId: string, bodyBytes: number): Held | undefined {
    let own = Math.max(leastBytes, bodyBytes);
    let isReleased = false;
    if (!this.#hasRoom(tenantId, own)) return undefined;
    this.#add(tenantId, own);
    return {
      grow: (bytes) => {
        if (isReleased) return true;
        const hasRoom = this.#hasRoom(tenantId, bytes);
        this.#add(tenantId, bytes);
        own += bytes;
        return hasRoom;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#add(tenantId, -own);
      },
    };
  }

  #hasRoom(tenantId: string, more: number): boolean {
    return (this.#bytes.get(tenantId) ?? 0) + more <= mostBytes;
  }

  #add(tenantId: string, bytes: number): void {
    const left = (this.#bytes.get(tenantId) ?? 0) + bytes;
    if (left > 0) this.#bytes.set(tenantId, left);
    else this.#bytes.delete(tenantId);
  }
}
