import type { World } from './world.ts';
export function renderSandbox(world: World): string {
  return `<!doctype html><title>Sandbox</title><p>${world.pages.size} Pages</p>`;
}
