import { maskDeep } from '../mask.ts';
import type { PostRow } from './post-row.ts';

/**
 * The JSON of a post. `publish_mode` is what was asked for, `effective_mode` what it comes to, null until the
 * scheduler has planned it. Nothing of how the program works shows: leases, runs, counters.
 */
export interface PostView {
  readonly id: string;
  readonly tenant_id: string;
  readonly integration_id: string;
  readonly provider: string;
  readonly status: PostRow['status'];
  readonly version: number;
  readonly message: string | null;
  readonly link: string | null;
  readonly append_link: boolean;
  readonly media: readonly unknown[];
  readonly publish_mode: PostRow['publish_mode'];
  readonly effective_mode: PostRow['effective_mode'];
  readonly scheduled_at: string | null;
  readonly scheduled_local: string | null;
  readonly timezone: string | null;
  readonly reference: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly external_id: string | null;
  readonly publish_url: string | null;
  readonly error: unknown;
  readonly attention: unknown;
  readonly waiting: unknown;
  readonly change: unknown;
  readonly approved_at: string | null;
  readonly prepared_at: string | null;
  readonly published_at: string | null;
  readonly lateness_ms: number | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export function viewPost(row: PostRow): PostView {
  return {
    ...row,
    scheduled_at: utc(row.scheduled_at),
    error: masked(row.error),
    attention: masked(row.attention),
    waiting: masked(row.waiting),
    change: masked(row.change),
    approved_at: utc(row.approved_at),
    prepared_at: utc(row.prepared_at),
    published_at: utc(row.published_at),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** The version is raised by every change of content; what a caller read is named by it. */
export function etagOf(row: { readonly version: number }): string {
  return `"${row.version}"`;
}

function utc(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}

/** The last net: what a provider said may quote what it was sent. */
function masked(record: unknown): unknown {
  return maskDeep(record) ?? null;
}
