import type { PreviewedCall, PreviewRequest } from '../provider.ts';
import { nodePath } from './path.ts';
import { publishParams } from './publish.ts';
import { stageParams } from './stage.ts';

/** What `stage` and `publish` would send; the ids of photos that are not staged yet are named by their place. */
export function preview(request: PreviewRequest): readonly PreviewedCall[] {
  const { externalAccountId, content, mode, scheduledAt } = request;
  const photos = content.media.map(
    (medium): PreviewedCall => ({
      method: 'POST',
      path: nodePath(externalAccountId, 'photos'),
      effect: 'stages',
      body: stageParams({ medium, mode }),
    }),
  );
  const staged = content.media.map((_medium, index) => ({
    index,
    id: `<id of photo ${index + 1}>`,
    at: '',
  }));
  const body = publishParams({ content, staged, mode, scheduledAt });
  const path = nodePath(externalAccountId, 'feed');
  return [...photos, { method: 'POST', path, effect: 'publishes', body }];
}
