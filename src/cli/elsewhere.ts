import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseConfig } from '../config.ts';
import { pathFromHere, shellWord } from '../story/words.ts';

interface Here {
  readonly database: Pick<DatabaseConfig, 'kind'>;
  readonly dataDir: string;
}

export function noTenantsText(here: Here): string {
  return `There are no tenants: \`npm run cli -- tenant create NAME\` makes one.${demoText(here)}`;
}

export function noPostText(id: string, here: Here): string {
  return `There is no post ${id}.${demoText(here)}`;
}

/** Who has just seen the demo looks for what is in it, and that is in another database. */
function demoText({ database, dataDir }: Here): string {
  const demoDir = join(dataDir, 'demo');
  if (database.kind !== 'embedded' || !existsSync(demoDir)) return '';
  const folder = shellWord(pathFromHere(demoDir));
  return `\nThe demo's are in a database of its own: put DATA_DIR=${folder} before the command.`;
}
