/** @module */

/** Name resolution for static peers. */
export interface Dns {
  /** All IPv4 and IPv6 addresses of a host name, IPv4 first; empty when it does not resolve. MUST NOT reject. */
  addresses(host: string): Promise<readonly string[]>;
}
