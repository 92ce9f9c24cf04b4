import { env } from 'node:process';
import { defineConfig } from 'prisma/config';

/** Our tables and our migration history live in our own schema, beside a calendar's. */
function inOurSchema(url: string): string {
  const parsed = new URL(url);
  parsed.searchParams.set('schema', 'social_publisher');
  return parsed.href;
}

const url = env['DATABASE_DIRECT_URL'] ?? env['DATABASE_URL'];

export default defineConfig({
  schema: '../prisma/schema.prisma',
  migrations: { path: '../prisma/migrations' },
  ...(url === undefined ? {} : { datasource: { url: inOurSchema(url) } }),
});
