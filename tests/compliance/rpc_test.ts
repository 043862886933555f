import { connectRpc } from "../../adapters/connect/mod.ts";
import { rpcCases } from "../../src/testing/compliance/rpc.ts";
import { hasIpv6, judge } from "./judge.ts";
import { mute, poke } from "./rpc_raw_sockets.ts";
import { testTls } from "./rpc_tls_files.ts";

const rpc = connectRpc();
judge("connectRpc", rpcCases({ rpc, tls: testTls(), poke, mute }));
if (hasIpv6()) {
  judge("connectRpc over IPv6", rpcCases({ rpc, ip: "::1", tls: testTls(), poke, mute }));
}
