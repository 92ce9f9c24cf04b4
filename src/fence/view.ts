import type { Services } from '../services.ts';
import { parseUnfencing, type Unfencing } from './progress.ts';
import { type Closer, readInstance } from './store.ts';

export interface FenceView {
  readonly fenced: boolean;
  readonly fenced_at: string | null;
  readonly reason: string | null;
  readonly closed_by: ClosedBy | null;
  /** The place that the installation is known by, as it was before somebody else fenced it. */
  readonly known_place: { readonly public_url: string | null; readonly graph_host: string | null };
  /** Of the last unfencing, also when nothing is fenced any more. */
  readonly unfencing: Unfencing | null;
}

/** The process that closed the fence, and how it was configured. */
export interface ClosedBy {
  readonly host: string;
  readonly pid: number;
  readonly role: string;
  readonly graph_base_url: string;
  readonly public_url: string | null;
}

export async function viewFence({ db }: Pick<Services, 'db'>): Promise<FenceView> {
  const { fencedAt, reason, closedBy, known, unfencing } = await readInstance(db);
  return {
    fenced: fencedAt !== null,
    fenced_at: fencedAt?.toISOString() ?? null,
    reason,
    closed_by: closedBy === null ? null : toJson(closedBy),
    known_place: { public_url: known.publicUrl, graph_host: known.graphHost },
    unfencing: parseUnfencing(unfencing),
  };
}

function toJson({ host, pid, role, graphBaseUrl, publicUrl }: Closer): ClosedBy {
  return { host, pid, role, graph_base_url: graphBaseUrl, public_url: publicUrl };
}
