import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Admission } from "../../../adapters/discovery_mdns/admission.ts";
import { candidatesOf } from "../../../adapters/discovery_mdns/candidates.ts";
import { Drops } from "../../../adapters/discovery_mdns/drops.ts";
import { Echoes } from "../../../adapters/discovery_mdns/echoes.ts";
import { whyInvalidHost } from "../../../adapters/discovery_mdns/hosts.ts";
import { isOnLink, isOwnAddress, planLinks } from "../../../adapters/discovery_mdns/link_plan.ts";
import { News } from "../../../adapters/discovery_mdns/news.ts";
import { OnceInAWhile } from "../../../adapters/discovery_mdns/once_in_a_while.ts";
import { readText, textOf } from "../../../adapters/discovery_mdns/txt.ts";
import type { InterfaceAddress } from "../../../mod.ts";

const at = (name: string, ip: string, prefix: number, internal = false): InterfaceAddress => ({
  name,
  ip,
  prefix,
  internal,
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("links", () => {
  it("are one for each family of each interface but loopback", () => {
    const plans = planLinks([
      at("lo", "127.0.0.1", 8, true),
      at("lo", "::1", 128, true),
      at("eth0", "10.0.0.1", 24),
      at("eth0", "10.1.0.1", 16),
      at("eth0", "fe80::1", 64),
      at("eth1", "192.168.7.1", 24),
      at("veth7", "fe80::7", 64),
    ]);
    assert.deepEqual(plans.map(({ id, interface: via }) => `${id} ${via}`), [
      "eth0 IPv4 10.0.0.1",
      "eth0 IPv6 ::%eth0",
      "eth1 IPv4 192.168.7.1",
    ]);
  });

  it("are made of link-local addresses where there are no others, and are bounded", () => {
    assert.deepEqual(planLinks([at("eth0", "169.254.3.4", 16)]).map(({ id }) => id), ["eth0 IPv4"]);
    const many = Array.from({ length: 500 }, (_, i) => at(`eth${i}`, `10.0.${i % 250}.1`, 24));
    assert.equal(planLinks(many).length, 32);
    assert.deepEqual(planLinks([at("lo", "127.0.0.1", 8, true)]), []);
  });

  it("carry what comes from their own networks", () => {
    const [four] = planLinks([at("eth0", "10.0.0.1", 20), at("eth0", "2001:db8::1", 64)]);
    for (const near of ["10.0.0.1", "10.0.15.254", "2001:db8::99", "fe80::5", "fe80::5%eth0"]) {
      assert.equal(isOnLink(four!, near), true, near);
    }
    for (const far of ["10.0.16.1", "8.8.8.8", "2001:db8:0:1::9", "fe80::5%eth1", "", "x"]) {
      assert.equal(isOnLink(four!, far), false, far);
    }
    assert.equal(isOwnAddress(four!, "2001:db8::1"), true);
    assert.equal(isOwnAddress(four!, "10.0.0.2"), false);
  });
});

describe("echoes", () => {
  it("are known, each once, and not for long", () => {
    const echoes = new Echoes();
    echoes.sent(bytes("a"), 0);
    echoes.sent(bytes("a"), 0);
    assert.deepEqual([1, 2, 3].map((now) => echoes.isEcho(bytes("a"), now)), [true, true, false]);
    echoes.sent(bytes("b"), 10);
    assert.equal(echoes.isEcho(bytes("c"), 11), false);
    assert.equal(echoes.isEcho(bytes("b"), 2_011), false);
  });

  it("that never come are not waited for without bound", () => {
    const echoes = new Echoes();
    for (let i = 0; i < 1_000; i++) echoes.sent(bytes(String(i)), 0);
    assert.equal(echoes.isEcho(bytes("0"), 1), false);
    assert.equal(echoes.isEcho(bytes("999"), 1), true);
  });
});

describe("the admission", () => {
  const header = (counts: readonly number[], length: number): Uint8Array => {
    const packet = new Uint8Array(length);
    counts.forEach((count, i) => packet.set([count >> 8, count & 0xff], 4 + 2 * i));
    return packet;
  };

  it("takes packets of the sizes and counts that there are", () => {
    const admission = new Admission();
    assert.equal(admission.refuses(header([1, 100, 0, 0], 1_400), 0), undefined);
    assert.equal(admission.refuses(header([0, 0, 0, 0], 12), 0), undefined);
    assert.equal(admission.refuses(header([1, 0, 0, 0], 9_000), 0), undefined);
  });

  it("refuses what is too large, too short, or claims more than it can hold", () => {
    const admission = new Admission();
    assert.equal(admission.refuses(new Uint8Array(9_001), 0), "oversize");
    assert.equal(admission.refuses(header([0, 513, 0, 0], 9_000), 0), "oversize");
    assert.equal(admission.refuses(header([65_535, 65_535, 65_535, 65_535], 9_000), 0), "oversize");
    assert.equal(admission.refuses(new Uint8Array(11), 0), "malformed");
    assert.equal(admission.refuses(header([0, 0, 0, 3], 24), 0), "malformed");
  });

  it("refuses a flood, and takes packets again when it is over", () => {
    const admission = new Admission();
    let taken = 0;
    for (let i = 0; i < 10_000; i++) {
      if (admission.refuses(header([], 9_000), 5) === undefined) taken++;
    }
    assert.equal(taken, 116);
    assert.equal(admission.refuses(header([], 9_000), 6), "flood");
    assert.equal(admission.refuses(header([], 9_000), 1_000), undefined);
  });
});

describe("drops", () => {
  it("are all counted and said once a minute", () => {
    const said: unknown[] = [];
    const drops = new Drops((counts) => said.push(counts));
    for (let now = 0; now < 100_000; now += 1_000) drops.add("malformed", now);
    drops.add("flood", 120_000);
    assert.deepEqual(said, [
      { oversize: 0, malformed: 1, flood: 0 },
      { oversize: 0, malformed: 61, flood: 0 },
      { oversize: 0, malformed: 100, flood: 1 },
    ]);
  });

  it("and other things that strangers cause don't fill the log", () => {
    const said = new OnceInAWhile();
    assert.deepEqual([0, 1, 599_999, 600_000].map((now) => said.says("a", now)), [
      true,
      false,
      false,
      true,
    ]);
    let lines = 0;
    for (let i = 0; i < 5_000; i++) if (said.says(`thing ${i}`, 600_001)) lines++;
    assert.equal(lines, 255);
    assert.equal(said.says("later", 1_300_000), true);
  });
});

describe("news", () => {
  it("are told at once when somebody is there, and after a second and a bit when nobody is", () => {
    const news = new News();
    news.begin(0);
    assert.equal(news.checkMs, 100);
    assert.equal(news.isNews("[]", true, 100), false);
    assert.equal(news.checkMs, 1_300);
    assert.equal(news.isNews("[]", true, 1_300), true);
    const other = new News();
    other.begin(0);
    assert.equal(other.isNews("[1]", false, 100), true);
    assert.equal(other.checkMs, Infinity);
  });

  it("are changes only, a quarter of a second apart, and the whole list after a new beginning", () => {
    const news = new News();
    news.begin(0);
    news.isNews("[1]", false, 100);
    news.heard(110);
    assert.equal(news.checkMs, 350);
    assert.equal(news.isNews("[1,2]", false, 349), false);
    assert.equal(news.isNews("[1]", false, 350), false);
    news.heard(1_000);
    assert.equal(news.isNews("[]", true, 1_100), true, "that the last one is gone is news too");
    news.begin(2_000);
    assert.equal(news.isNews("[]", true, 3_300), true);
  });
});

describe("addresses told by multicast", () => {
  it("are dropped where nobody can be", () => {
    const invalid = [
      ...["127.0.0.1", "127.9.9.9", "::1", "10.0.0.0", "10.0.0.255", "192.168.255.255"],
      ...["0.0.0.0", "0.1.2.3", "::", "224.0.0.251", "255.255.255.255", "ff02::fb"],
      ...["fe80::1", "::ffff:127.0.0.1", "::ffff:10.0.0.255", "gw.example", ""],
    ];
    for (const ip of invalid) assert.equal(typeof whyInvalidHost(ip), "string", ip);
    for (const ip of ["10.0.0.1", "10.255.0.254", "192.0.2.7", "fd00::1", "2001:db8::ff"]) {
      assert.equal(whyInvalidHost(ip), undefined, ip);
    }
  });

  it("make candidates with all that the TXT record knows, ourselves left out", () => {
    const skipped: string[] = [];
    const instance = (
      strings: readonly string[],
      port = 7,
    ): Parameters<typeof candidatesOf>[0][0] => ({
      name: "x._gw._tcp.local",
      host: "x.local",
      port,
      addresses: ["10.0.0.2", "10.0.0.255", "fd00::2"],
      strings: strings.map(bytes),
    });
    const found = candidatesOf(
      [
        instance(["node_id=two", "region=eu", "rpc_port=8", "boot_id=b2"]),
        instance(["boot_id=mine"]),
        instance([], 0),
      ],
      { bootId: "mine" },
      (ip, _name, why) => skipped.push(`${ip}: ${why}`),
    );
    const known = { port: 7, nodeId: "two", region: "eu", rpcPort: 8 };
    assert.deepEqual(found, [{ host: "10.0.0.2", ...known }, { host: "fd00::2", ...known }]);
    assert.deepEqual(skipped, ["10.0.0.255: it ends in .255"]);
  });
});

describe("a TXT record", () => {
  it("tells what it was told", () => {
    const self = {
      nodeId: "gw=1 é",
      bootId: "b-1",
      region: "eu",
      ip: "10.0.0.1",
      port: 7,
      rpcPort: 8,
      capabilities: [],
      version: "1.2.3",
    };
    const known = { nodeId: "gw=1 é", bootId: "b-1", region: "eu", rpcPort: 8 };
    assert.deepEqual(readText(textOf(self)), known);
  });

  it("with rubbish in it tells what makes sense", () => {
    const rubbish = ["", "=", "=x", "flag", "NODE_ID=a", "node_id=b", "rpc_port=0", "rpc_port=8"];
    assert.deepEqual(readText(rubbish.map(bytes)), { nodeId: "a" });
    const odd = ["node_id=\x1b[2J", "region=", "rpc_port=1e9", "boot_id=x\ny"];
    assert.deepEqual(readText(odd.map(bytes)), {});
    assert.deepEqual(readText([Uint8Array.of(...bytes("node_id="), 0xff, 0xfe)]), {});
  });
});
