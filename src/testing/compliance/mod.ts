/**
 * One suite of rules per port, as data for any test runner.
 *
 * @module
 */

export * from "./clock.ts";
export * from "./datagrams.ts";
export * from "./discovery.ts";
export * from "./dns.ts";
export * from "./entropy.ts";
export * from "./host.ts";
export * from "./http.ts";
export * from "./interfaces.ts";
export * from "./sealer.ts";
export * from "./storage.ts";
export * from "./storage_crash.ts";
export * from "./streams.ts";
export { type ComplianceCase, type ComplianceSetup } from "./case.ts";
