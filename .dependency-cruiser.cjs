// What each folder of src/ may import of the others, beside the files of the root that everybody may (`ground`).
// A folder stands below those that name it: the table is read from the ground up, so no circle can be written into it.
const mayImport = {
  config: [],
  db: ['config'],
  queue: [],
  providers: ['graph'], // the contract and the registry; see `contract-knows-nobody` for which of its files may do what
  graph: ['providers'],
  fence: ['config', 'db'],
  posts: ['db', 'providers'],
  tenants: ['db', 'posts'],
  events: ['db', 'posts'],
  story: ['db'],
  integrations: ['config', 'db', 'fence', 'posts', 'providers'],
  connecting: ['config', 'db', 'fence', 'integrations', 'posts', 'providers'],
  notices: ['db', 'connecting'],
  watch: ['db', 'integrations'],
  attempts: ['db', 'integrations', 'posts', 'providers'],
  authoring: ['db', 'attempts', 'posts', 'providers'],
  publishing: ['config', 'db', 'attempts', 'integrations', 'posts', 'providers'],
  'follow-up': ['db', 'attempts', 'integrations', 'posts', 'providers'],
  reconciliation: [
    'db',
    'fence',
    'attempts',
    'authoring',
    'integrations',
    'posts',
    'providers',
    'publishing',
  ],
  unfencing: ['db', 'fence', 'attempts', 'integrations', 'posts', 'providers'],
  replays: [
    'db',
    'fence',
    'attempts',
    'authoring',
    'integrations',
    'posts',
    'providers',
    'publishing',
  ],
  doctor: ['fence', 'integrations', 'providers'],
  jobs: [
    ...['fence', 'attempts', 'integrations', 'posts', 'providers', 'queue', 'watch'],
    ...['connecting', 'follow-up', 'notices', 'publishing', 'reconciliation'],
  ],
  scheduler: [
    'db',
    'fence',
    'integrations',
    'connecting',
    'notices',
    'jobs',
    'publishing',
    'reconciliation',
    'replays',
  ],
  api: [
    ...['config', 'db', 'queue', 'providers', 'fence', 'posts', 'tenants', 'events', 'story'],
    ...[
      'integrations',
      'connecting',
      'watch',
      'attempts',
      'authoring',
      'reconciliation',
      'unfencing',
      'replays',
    ],
  ],
  import: [],
  cli: [
    'config',
    'db',
    'fence',
    'integrations',
    'connecting',
    'unfencing',
    'doctor',
    'story',
    'import',
    'api',
  ],
  sandbox: [],
  demo: ['config', 'db', 'story', 'import', 'api', 'cli', 'sandbox'],
};
/** The only two that name each other, file by file: the contract, what speaks to Meta by it, the registry above both. */
const contractAndGraph = ['providers', 'graph'];

const folders = Object.keys(mayImport);
for (const [at, folder] of folders.entries()) {
  for (const other of mayImport[folder]) {
    const isBelow = folders.indexOf(other) >= 0 && folders.indexOf(other) < at;
    const isPair = contractAndGraph.includes(folder) && contractAndGraph.includes(other);
    if (!isBelow && !isPair) throw new Error(`${folder} may not import ${other}: it is not below`);
  }
}

const never = (name, from, to, comment) => ({ name, comment, severity: 'error', from, to });
const any = (names) => `(${names.join('|')})`;

/** What every folder may import of the root: the ground, and the type of what a process is given. */
const ground = '^src/(errors|secret|mask|log|vault|batch|page-bytes|services)\\.ts$';
const assembly = '^src/(start|roles|process|main|cli)\\.ts$';

const folderRules = folders.map((folder) =>
  never(
    `${folder}-imports`,
    { path: `^src/${folder}/` },
    { path: '^src/[^/]+/', pathNot: `^src/${any([folder, ...mayImport[folder]])}/` },
    `${folder}/ may import ${mayImport[folder].join(', ') || 'no other folder'} (mayImport).`,
  ),
);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...folderRules,
    never(
      'every-folder-has-its-line',
      { path: '^src/[^/]+/', pathNot: `^src/${any(folders)}/` },
      {},
      'A new folder says in mayImport what it stands on.',
    ),
    ...['world', 'graph', 'control'].map((folder, at, below) =>
      never(
        `sandbox-${folder}-imports`,
        { path: `^src/sandbox/${folder}/` },
        { path: '^src/sandbox/', pathNot: `^src/sandbox/${any(below.slice(0, at + 1))}/` },
        'What the world is, what Meta answers, what a person does to it: each on the one before.',
      ),
    ),
    never(
      'ground-knows-no-folder',
      { path: ground, pathNot: '/services\\.ts$' },
      { path: `^src/[^/]+/|^src/services\\.ts$|${assembly}` },
      'What everybody stands on stands on nobody.',
    ),
    never(
      'services-are-outside-systems',
      { path: '^src/services\\.ts$' },
      { path: '^src/[^/]+/', pathNot: '^src/(config|db|queue|providers)/' },
      'They are handed to everybody, so they know nobody.',
    ),
    never(
      'assembly-is-on-top',
      { path: '^src/[^/]+/', pathNot: '^src/demo/' },
      { path: assembly },
      'The demo starts a whole service; nobody else does.',
    ),
    never(
      'program-knows-no-process',
      { path: '^src/' },
      { path: '^(workers|test)/' },
      'Processes use the program.',
    ),
    never(
      'contract-knows-nobody',
      { path: '^src/providers/[^/]+\\.ts$', pathNot: '^src/providers/index\\.ts$' },
      { path: '^src/graph/|^src/providers/[^/]+/|^src/services\\.ts$' },
      'Only the registry names networks and what they are built from.',
    ),
    never(
      'providers-are-values-in-value-out',
      { path: '^src/(providers|graph)/' },
      { path: '^src/services\\.ts$' },
      'A provider never learns of rows, queues or retries.',
    ),
    never(
      'providers-do-not-meet',
      { path: '^src/providers/([^/]+)/' },
      {
        path: '^src/providers/([^/]+)/|^src/providers/index\\.ts$',
        pathNot: '^src/providers/$1/',
      },
      'What two providers share is a client such as graph/.',
    ),
    never(
      'graph-knows-no-provider',
      { path: '^src/graph/' },
      { path: '^src/providers/(?!(provider|account|content|connecting)\\.ts$)' },
      'The contract only.',
    ),
    never(
      'networks-through-the-registry',
      { path: '^src/', pathNot: '^src/(providers|graph)/' },
      { path: '^src/graph/|^src/providers/[^/]+/' },
      'Everybody else knows the contract; services.ts asks the registry.',
    ),
    never(
      'queue-and-sandbox-know-no-product',
      { path: '^src/(queue|sandbox)/' },
      { path: '^src/services\\.ts$' },
      'They could serve another one.',
    ),
    never(
      'one-place-knows-bullmq',
      { path: '^(src|workers)/', pathNot: '^src/(queue|api/dashboard)/' },
      { path: 'node_modules/(bullmq|ioredis)/' },
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
