import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readRoutes } from "../../../src/driver/routes.ts";

const FOUR = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0
down0\t0002A8C0\t00000000\t0000\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;
const SIX =
  `20010db8000000000000000000000000 20 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth1
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

const routesOf = (four: string, six: string) =>
  readRoutes({
    readText: (path) =>
      path.endsWith("ipv6_route")
        ? Promise.resolve(six)
        : four === ""
        ? Promise.reject(new Error("none"))
        : Promise.resolve(four),
  });

describe("the routes", () => {
  it("lead by the longest prefix, then by the least metric, and not by what is down", async () => {
    const routes = await routesOf(FOUR, SIX);
    assert.equal(routes?.interfaceTo("192.168.1.7"), "wlan0");
    assert.equal(routes?.interfaceTo("::ffff:192.168.1.7"), "wlan0");
    assert.equal(routes?.interfaceTo("192.168.2.7"), "eth0");
    assert.equal(routes?.interfaceTo("2001:db8::1"), "eth1");
    assert.equal(routes?.interfaceTo("2001:db9::1"), undefined);
    assert.equal(routes?.interfaceTo("gw.example"), undefined);
  });

  it("are none where the files are missing or hold something else", async () => {
    assert.equal(await routesOf("", ""), undefined);
    assert.equal(await routesOf("rubbish\n\n1 2 3", "x".repeat(99)), undefined);
  });
});
