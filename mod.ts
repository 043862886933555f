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
