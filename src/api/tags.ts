/** The groups of the documentation, in its order. */
export const tags = {
  Tenants: 'The customers of the operator, and what holds for all of their posts.',
  'API keys': 'What a tenant, a calendar of many tenants, or a reader identifies itself with.',
  Integrations: "A tenant's connections to accounts on the networks, with their tokens.",
  Posts: 'Write, check, approve, follow, change and cancel posts.',
  Events: 'The history of all posts, as one list to follow.',
  Pauses: 'Hold back what a pause names, until it is lifted.',
  Replays: 'Retry many posts after an outage, or say first what that would do.',
  Operations: 'Is the program alive, how is its pipeline, and may it send?',
  Documentation: 'These pages, and the document that clients are generated from.',
} as const;
export type Tag = keyof typeof tags;
