const knowledge = '^src/(posts|attempts|budgets|integrations|insights|tenants)/';
const never = (name, from, to, comment) => ({ name, comment, severity: 'error', from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    never(
      'program-knows-no-process',
      { path: '^src/' },
      { path: '^(workers|test)/' },
      'Processes use the program.',
    ),
    never(
      'providers-are-values-in-value-out',
      { path: '^src/(providers|graph)/' },
      {
        path: '^src/(db|queue|jobs|api|console)/|^src/.+/(store|resolve)\\.ts$|^src/(services|config|main)\\.ts$',
      },
      'A provider never learns of rows, queues or retries.',
    ),
    never(
      'providers-do-not-meet',
      { path: '^src/providers/([^/]+)/' },
      { path: '^src/providers/([^/]+)/', pathNot: '^src/providers/$1/' },
      'What two providers share is a client such as graph/.',
    ),
    never(
      'graph-knows-no-provider',
      { path: '^src/graph/' },
      { path: '^src/providers/(?!provider\\.ts$)' },
      'The contract only.',
    ),
    never(
      'knowledge-knows-no-mechanism',
      { path: knowledge },
      {
        path: '^src/(queue|jobs|api|graph|console)/|^src/providers/(?!provider\\.ts$)|^src/(services|config|main)\\.ts$',
      },
      'Posts and integrations do not depend on how they are published.',
    ),
    never(
      'queue-knows-no-product',
      { path: '^src/queue/' },
      {
        path: `${knowledge}|^src/(providers|graph|jobs|api|console|db)/|^src/(services|config|main)\\.ts$`,
      },
      'It could serve another product.',
    ),
    never(
      'api-uses-the-registry',
      { path: '^src/(api|console)/' },
      { path: '^src/graph/|^src/providers/[^/]+/' },
      'Only providers/index.ts and providers/provider.ts.',
    ),
    never(
      'jobs-know-no-api',
      { path: '^src/jobs/' },
      { path: '^src/(api|console)/|^src/main\\.ts$' },
      'Downward only.',
    ),
    never(
      'one-place-knows-bullmq',
      { path: '^(src|workers)/', pathNot: '^src/(queue/|api/dashboard\\.ts$)' },
      { path: 'node_modules/bullmq/' },
      'queue/ and the dashboard.',
    ),
    never(
      'one-place-per-table-knows-sql',
      {
        path: '^(src|workers)/',
        // Besides the stores: what assembles a process, and the listener that wakes the scheduler.
        pathNot:
          '^src/db/|[-/]store\\.ts$|^src/(services|start)\\.ts$|^src/(cli|demo)/|^src/scheduler/scheduler\\.ts$',
      },
      { path: '^src/db/|node_modules/@prisma/', dependencyTypesNot: ['type-only'] },
      'db/ and the stores; everybody else only hands the database on, by its type.',
    ),
    never(
      'no-cycles',
      { pathNot: '^src/db/generated' },
      { circular: true },
      'Prisma generates some; we do not.',
    ),
    never(
      'no-orphans',
      { orphan: true, path: '^src/', pathNot: '^src/jobs/|^src/db/generated' },
      {},
      'Dead file.',
    ),
    never(
      'no-dev-dependencies-at-run-time',
      { path: '^(src|workers)/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
      '',
    ),
  ],
  options: {
    parser: 'swc',
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
};
