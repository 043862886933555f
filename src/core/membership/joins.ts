/**
 * Joining a cluster: push/pulls with several addresses at a time (memberlist.md 4.9; 8.4, 12).
 *
 * @module
 */

import { parseAddress } from "../address.ts";
import type { ClusterErrorCode } from "../errors.ts";
import type { Address } from "../machine.ts";
import type { MachineState } from "./machine_state.ts";
import type { PushPulls } from "./push_pull.ts";

/** Addresses one join takes; a list from discovery may be long, a mistake longer. */
const ADDRESSES_MAX = 65_536;

interface JoinRun {
  readonly op: number;
  readonly addresses: readonly Address[];
  readonly failures: string[];
  next: number;
  running: number;
  joined: number;
}

/** Runs join commands. */
export class Joins {
  readonly #state: MachineState;
  readonly #pushPulls: PushPulls;

  /** Exchanges state through `pushPulls`. */
  constructor(state: MachineState, pushPulls: PushPulls) {
    this.#state = state;
    this.#pushPulls = pushPulls;
  }

  /** Tries every address once; settles `op` when the last has answered or failed. */
  join(op: number, addresses: readonly Address[]): void {
    if (this.#state.leaving) {
      this.#state.fail(op, "closed", "Cannot join: this node has left, rejoin first");
      return;
    }
    if (addresses.length > ADDRESSES_MAX) {
      this.#state.fail(
        op,
        "too-large",
        `Cannot join ${addresses.length} addresses: the limit is ${ADDRESSES_MAX}, join in parts`,
      );
      return;
    }
    const own = this.#state.self.address;
    const others = [...new Set(addresses)].filter((address) => address !== own);
    this.#continue({ op, addresses: others, failures: [], next: 0, running: 0, joined: 0 });
  }

  #continue(run: JoinRun): void {
    const { joinParallelism } = this.#state.config;
    while (run.running < joinParallelism && run.next < run.addresses.length) {
      this.#try(run, run.addresses[run.next++] as Address);
    }
    if (run.running === 0) this.#settle(run);
  }

  #try(run: JoinRun, entry: Address): void {
    // A node name may stand before the address, as in Go: "name/ip:port".
    const slash = entry.lastIndexOf("/");
    const address = entry.slice(slash + 1);
    if (parseAddress(address) === undefined || slash === 0) {
      run.failures.push(`${entry}: not an address like "10.0.0.4:7946" or "name/10.0.0.4:7946"`);
      return;
    }
    if (slash < 0 && this.#state.config.requireNodeNames) {
      run.failures.push(`${entry}: requireNodeNames is set and no name is given`);
      return;
    }
    run.running++;
    this.#pushPulls.exchange(address, true, (code, detail) => {
      run.running--;
      if (code === undefined) run.joined++;
      else run.failures.push(`${entry}: ${detail} (${code})`);
      this.#continue(run);
    });
  }

  #settle(run: JoinRun): void {
    const { op, joined, failures } = run;
    if (joined > 0 || run.addresses.length === 0) {
      this.#state.settle(op, { ok: true, joined, failures });
      return;
    }
    const code: ClusterErrorCode = "join-failed";
    const shown = failures.slice(0, 8).join("; ");
    const more = failures.length > 8 ? `; and ${failures.length - 8} more` : "";
    this.#state.fail(op, code, `Cannot join: none of the addresses worked: ${shown}${more}`);
  }
}
