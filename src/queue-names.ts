/** Best-effort work that nobody waits for: read-backs, probes. Every provider has a queue of its own name besides. */
export const backgroundQueue = 'background';
