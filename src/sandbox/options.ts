export interface SandboxOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Whether `/photos` fetches URLs on loopback and private addresses. Meta never does. */
  readonly allowLoopbackMedia: boolean;
  /** Names under which the control routes and the page answer, besides addresses and names without a dot. */
  readonly allowedHosts: readonly string[];
  /** Hosts (`name` or `name:port`) that are fetched wherever they point. */
  readonly allowedMediaHosts: readonly string[];
  /** What permalinks start with; the sandbox's own address makes them open here. */
  readonly permalinkBase: string;
  /** How many requests the log keeps. */
  readonly requestLogSize: number;
}

export const defaultOptions: SandboxOptions = {
  host: '127.0.0.1',
  port: 0,
  allowLoopbackMedia: false,
  allowedHosts: [],
  allowedMediaHosts: [],
  permalinkBase: 'https://www.facebook.com',
  requestLogSize: 10_000,
};
