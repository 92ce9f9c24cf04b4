import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { pathFromHere, shellWord } from '../story/words.ts';

/** Who has just seen the demo looks for its tenants, and they are in another database. */
export function noTenantsText({ database, dataDir }: Config): string {
  const none = 'There are no tenants: `npm run cli -- tenant create NAME` makes one.';
  const demoDir = join(dataDir, 'demo');
  if (database.kind !== 'embedded' || !existsSync(demoDir)) return none;
  const folder = shellWord(pathFromHere(demoDir));
  return `${none}\nThe demo's are in a database of its own: DATA_DIR=${folder} npm run -s cli -- tenant list`;
}
