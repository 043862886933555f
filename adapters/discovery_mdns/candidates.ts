/**
 * From instances of the service to candidates.
 *
 * @module
 */

import type { Candidate, DiscoverySelf } from "../../mod.ts";
import type { Instance } from "./instances.ts";
import { whyInvalidHost } from "./hosts.ts";
import { isPort, readText } from "./txt.ts";

/** One for each address of each instance that is not this node; `skip` is told of addresses that can be nobody's. */
export function candidatesOf(
  instances: readonly Instance[],
  self: Pick<DiscoverySelf, "bootId">,
  skip: (ip: string, instance: string, why: string) => void,
): readonly Candidate[] {
  return instances.flatMap(({ name, port, addresses, strings }) => {
    const { nodeId, bootId, region, rpcPort } = readText(strings);
    if (bootId === self.bootId || !isPort(port)) return [];
    return addresses.flatMap((host): Candidate[] => {
      const why = whyInvalidHost(host);
      if (why !== undefined) {
        skip(host, name, why);
        return [];
      }
      return [{
        host,
        port,
        ...(nodeId === undefined ? {} : { nodeId }),
        ...(region === undefined ? {} : { region }),
        ...(rpcPort === undefined ? {} : { rpcPort }),
      }];
    });
  });
}
