/**
 * From the flat `discovery` object to one kind of discovery with all it needs.
 *
 * @module
 */

import { parseGoDuration } from "../core/go_duration.ts";
import { allowed, type CheckedValues } from "./check.ts";
import { fieldAt } from "./field.ts";
import { MDNS_SERVICE } from "./formats.ts";
import { anyOf } from "./refuse.ts";
import type { DiscoveryCommon, DiscoveryConfig } from "./resolved.ts";
import { DISCOVERY, DISCOVERY_NEEDS, DISCOVERY_TYPES, type DiscoveryType, ROOT } from "./schema.ts";

/** What entries take from elsewhere in the file. */
export interface DiscoveryDefaults {
  /** 0: the system chooses it. */
  readonly gossipPort: number;
}

/**
 * `undefined` when it is off; throws `bad-config` when its type lacks something.
 *
 * @param values The `discovery` object, or an entry of `discoveries`.
 */
export function resolveDiscovery(
  values: CheckedValues,
  { gossipPort }: DiscoveryDefaults,
): DiscoveryConfig | undefined {
  if (!values.flag("enabled")) return undefined;
  const type = values.textIfGiven("type") as DiscoveryType | undefined;
  if (type === undefined) {
    values.refuse(
      "type",
      `it is missing while ${nameOf(values)}.enabled is true, allowed is ${anyOf(DISCOVERY_TYPES)}`,
    );
  }
  refuseMissing(values, type);
  refuseHalves(values, "etcd_username", "etcd_password", `${nameOf(values)}.`);
  refuseHalves(values, "etcd_cert_file", "etcd_key_file", `${nameOf(values)}.`);
  refusePortClash(values, type, gossipPort);
  const common: DiscoveryCommon = {
    bindPort: values.numberIfGiven("bind_port") ?? (gossipPort || undefined),
    dialTimeoutMs: parseGoDuration(values.text("dial_timeout")) as number,
    allowedAddressSpace: values.list("allowed_address_space"),
  };
  return ofType(values, type, common);
}

/** As messages call the object inside of `cluster_config`. */
function nameOf({ path }: CheckedValues): string {
  return path.slice(ROOT.length + 1);
}

function ofType(
  values: CheckedValues,
  type: DiscoveryType,
  common: DiscoveryCommon,
): DiscoveryConfig {
  const text = (key: string): string => values.text(key);
  const textIfGiven = (key: string): string | undefined => values.textIfGiven(key);
  switch (type) {
    case "kubernetes":
      return {
        type,
        ...common,
        namespace: textIfGiven("k8s_namespace"),
        labelSelector: text("k8s_label_selector"),
        kubeconfig: textIfGiven("kubeconfig"),
      };
    case "consul":
      return {
        type,
        ...common,
        serviceName: text("service_name"),
        address: text("consul_address"),
        token: textIfGiven("consul_token"),
        datacenter: textIfGiven("consul_datacenter"),
        caFile: textIfGiven("consul_ca_file"),
      };
    case "etcd":
      return {
        type,
        ...common,
        serviceName: text("service_name"),
        endpoints: values.list("etcd_endpoints"),
        username: textIfGiven("etcd_username"),
        password: textIfGiven("etcd_password"),
        caFile: textIfGiven("etcd_ca_file"),
        certFile: textIfGiven("etcd_cert_file"),
        keyFile: textIfGiven("etcd_key_file"),
      };
    case "dns":
      return {
        type,
        ...common,
        names: values.list("dns_names"),
        server: textIfGiven("dns_server"),
      };
    case "udp":
      return {
        type,
        ...common,
        serviceName: text("service_name"),
        broadcastPort: values.number("udp_broadcast_port"),
      };
    case "mdns":
      return { type, ...common, service: mdnsService(values) };
  }
}

function refuseMissing(values: CheckedValues, type: DiscoveryType): void {
  for (const key of DISCOVERY_NEEDS[type]) {
    const field = fieldAt(DISCOVERY, key);
    if (!values.given(key)) {
      values.refuse(key, `discovery of type "${type}" needs it, allowed is ${allowed(field)}`);
    }
    if (field.kind === "list" && values.list(key).length === 0) {
      values.refuse(key, `discovery of type "${type}" needs at least one entry, it is empty`);
    }
  }
}

/** Beacons and gossip can't share a UDP port. */
function refusePortClash(values: CheckedValues, type: DiscoveryType, gossipPort: number): void {
  if (type !== "udp" || values.number("udp_broadcast_port") !== gossipPort) return;
  values.refuse(
    "udp_broadcast_port",
    `current value is ${gossipPort}, which is gossip.port, choose another port`,
  );
}

function mdnsService(values: CheckedValues): string {
  const given = values.textIfGiven("mdns_service");
  if (given !== undefined) return given;
  const name = values.textIfGiven("service_name");
  if (name === undefined) return "_bifrost._tcp";
  const derived = `_${name}._tcp`;
  if (!MDNS_SERVICE.accepts(derived)) {
    values.refuse(
      "service_name",
      'it makes no service type for mDNS, use letters, digits and "-" or set mdns_service',
    );
  }
  return derived;
}

/** Refuses one of two fields that only make sense together; `prefix` goes before the other one's name. */
export function refuseHalves(values: CheckedValues, a: string, b: string, prefix = ""): void {
  if (values.given(a) === values.given(b)) return;
  const [given, missing] = values.given(a) ? [a, b] : [b, a];
  values.refuse(missing, `it is missing while ${prefix}${given} is given, give both or neither`);
}
