import { startEmbedded } from '../../src/db/embedded/embedded.ts';

// A program of its own, so that tests can kill it: node hold-embedded.ts DATA_DIR
const embedded = await startEmbedded({ dataDir: process.argv[2] ?? '' });
process.stdout.write(`${JSON.stringify({ url: embedded.url, joined: embedded.joined })}\n`);
const stay = setInterval(() => undefined, 60_000);
process.once('SIGTERM', () => {
  clearInterval(stay);
  void embedded.stop();
});
