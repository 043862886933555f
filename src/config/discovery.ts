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
import { CLUSTER_CONFIG, DISCOVERY_NEEDS, DISCOVERY_TYPES, type DiscoveryType } from "./schema.ts";

/** `undefined` when discovery is off; throws `bad-config` when its type lacks something. */
export function resolveDiscovery(values: CheckedValues): DiscoveryConfig | undefined {
  if (!values.flag("discovery.enabled")) return undefined;
  const type = values.textIfGiven("discovery.type") as DiscoveryType | undefined;
  if (type === undefined) {
    values.refuse(
      "discovery.type",
      `it is missing while discovery.enabled is true, allowed is ${anyOf(DISCOVERY_TYPES)}`,
    );
  }
  refuseMissing(values, type);
  refuseHalves(values, "discovery.etcd_username", "discovery.etcd_password");
  refuseHalves(values, "discovery.etcd_cert_file", "discovery.etcd_key_file");
  refusePortClash(values, type);
  const common: DiscoveryCommon = {
    bindPort: values.numberIfGiven("discovery.bind_port") ??
      (values.number("gossip.port") || undefined),
    dialTimeoutMs: parseGoDuration(values.text("discovery.dial_timeout")) as number,
    allowedAddressSpace: values.list("discovery.allowed_address_space"),
  };
  return ofType(values, type, common);
}

function ofType(
  values: CheckedValues,
  type: DiscoveryType,
  common: DiscoveryCommon,
): DiscoveryConfig {
  const text = (key: string): string => values.text(`discovery.${key}`);
  const textIfGiven = (key: string): string | undefined => values.textIfGiven(`discovery.${key}`);
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
        endpoints: values.list("discovery.etcd_endpoints"),
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
        names: values.list("discovery.dns_names"),
        server: textIfGiven("dns_server"),
      };
    case "udp":
      return {
        type,
        ...common,
        serviceName: text("service_name"),
        broadcastPort: values.number("discovery.udp_broadcast_port"),
      };
    case "mdns":
      return { type, ...common, service: mdnsService(values) };
  }
}

function refuseMissing(values: CheckedValues, type: DiscoveryType): void {
  for (const key of DISCOVERY_NEEDS[type]) {
    const path = `discovery.${key}`;
    const field = fieldAt(CLUSTER_CONFIG, path);
    if (!values.given(path)) {
      values.refuse(path, `discovery of type "${type}" needs it, allowed is ${allowed(field)}`);
    }
    if (field.kind === "list" && values.list(path).length === 0) {
      values.refuse(path, `discovery of type "${type}" needs at least one entry, it is empty`);
    }
  }
}

/** Beacons and gossip can't share a UDP port. */
function refusePortClash(values: CheckedValues, type: DiscoveryType): void {
  const at = "discovery.udp_broadcast_port";
  if (type !== "udp" || values.number(at) !== values.number("gossip.port")) return;
  values.refuse(
    at,
    `current value is ${values.number(at)}, which is gossip.port, choose another port`,
  );
}

function mdnsService(values: CheckedValues): string {
  const given = values.textIfGiven("discovery.mdns_service");
  if (given !== undefined) return given;
  const name = values.textIfGiven("discovery.service_name");
  if (name === undefined) return "_bifrost._tcp";
  const derived = `_${name}._tcp`;
  if (!MDNS_SERVICE.accepts(derived)) {
    values.refuse(
      "discovery.service_name",
      'it makes no service type for mDNS, use letters, digits and "-" or set mdns_service',
    );
  }
  return derived;
}

/** Refuses one of two fields that only make sense together. */
export function refuseHalves(values: CheckedValues, a: string, b: string): void {
  if (values.given(a) === values.given(b)) return;
  const [given, missing] = values.given(a) ? [a, b] : [b, a];
  values.refuse(missing, `it is missing while ${given} is given, give both or neither`);
}
