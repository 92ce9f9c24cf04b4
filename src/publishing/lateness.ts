import { Histogram } from 'prom-client';

const lateness = new Histogram({
  name: 'social_publisher_lateness_seconds',
  help: 'Of posts that went live: when the network made them visible, minus their due time.',
  labelNames: ['provider'],
  buckets: [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200],
});

/** To be called once for each post, by whoever learns that it is live. */
export function observeLateness(provider: string, latenessMs: number): void {
  lateness.observe({ provider }, latenessMs / 1000);
}
