/**
 * Althing: turns any TypeScript gateway into a cluster.
 *
 * @module
 */

export * from "./src/core/machine.ts";
export * from "./src/core/errors.ts";
export * from "./src/core/log.ts";
export * from "./src/core/wire/cipher.ts";
export {
  bytesToIp,
  formatAddress,
  ipToBytes,
  parseAddress,
  sameIp,
  unmapped,
} from "./src/core/address.ts";
export * from "./src/core/replication/frames.ts";
export * from "./src/ports/clock.ts";
export * from "./src/ports/datagrams.ts";
export * from "./src/ports/dns.ts";
export * from "./src/ports/entropy.ts";
export * from "./src/ports/host.ts";
export * from "./src/ports/http.ts";
export * from "./src/ports/interfaces.ts";
export * from "./src/ports/observer.ts";
export * from "./src/ports/rpc.ts";
export * from "./src/ports/runtime.ts";
export * from "./src/ports/sealer.ts";
export * from "./src/ports/streams.ts";
export { parseGoDuration } from "./src/core/go_duration.ts";
export * from "./src/config/resolved.ts";
export { resolveConfig, type ResolveOptions } from "./src/config/resolve.ts";
export type { EnvLookup } from "./src/config/check.ts";
export { type EntitySeed, type GovernanceSeeds, governanceSeeds } from "./src/config/governance.ts";
export { type HostPort, parseHostPort } from "./src/config/host_port.ts";
export { configJsonSchema, type JsonObject } from "./src/config/json_schema.ts";
