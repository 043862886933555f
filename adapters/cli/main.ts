#!/usr/bin/env node
/**
 * The command `althing`.
 *
 * @module
 */

import process from "node:process";
import { ClusterError, type DoctorReport, type LogLevel, VERSION } from "../../mod.ts";
import { runAgent } from "./agent.ts";
import { type Arguments, parseArguments } from "./arguments.ts";
import { detectRuntime } from "./detect_runtime.ts";
import { logLines } from "./log_lines.ts";
import { doctorRows, examineConfig } from "./doctor.ts";
import { complain, onOutputLost, print } from "./output.ts";
import { printable, printableJson } from "./printable.ts";
import { query, queryTarget } from "./query.ts";
import { table } from "./table.ts";

const HELP = `althing ${VERSION}: turns any TypeScript gateway into a cluster

  althing agent --config FILE   run a node until SIGTERM
                                --log text|json, --log-level debug|info|warn|error
  althing members               the members a running node sees
  althing status                the health of the cluster as a running node sees it
                                --address HOST:PORT (127.0.0.1:8080), --json,
                                --token TOKEN, better in the variable ALTHING_TOKEN:
                                others on this machine can read a command's words
  althing doctor                what keeps nodes apart, and what to do: every port of every
                                peer, labels, keys, clocks, discovery; of a running node,
                                or with --config FILE of one that is yet to start
  althing help                  this text
  althing --version             the version`;

const OPTIONS = ["config", "log", "log-level", "address", "token", "json", "help", "version"];

async function main(words: readonly string[]): Promise<void> {
  const args = parseArguments(words, OPTIONS);
  if (args.options.has("version")) return print(VERSION);
  if (args.options.has("help") || args.command === undefined || args.command === "help") {
    return print(HELP);
  }
  switch (args.command) {
    case "agent":
      return await agent(args);
    case "members":
      return await members(args);
    case "status":
      return await status(args);
    case "doctor":
      return await doctor(args);
    default:
      throw new ClusterError(
        "bad-config",
        `Cannot run "${args.command}": known commands are agent, members, status, doctor, help`,
      );
  }
}

async function agent({ options }: Arguments): Promise<void> {
  const config = options.get("config");
  if (config === undefined) {
    throw new ClusterError(
      "bad-config",
      `Cannot run "agent": name a config file with --config FILE`,
    );
  }
  const format = oneOf("log", options.get("log") ?? "text", ["text", "json"]);
  const level = oneOf<LogLevel>("log-level", options.get("log-level") ?? "info", [
    "debug",
    "info",
    "warn",
    "error",
  ]);
  onOutputLost((why) =>
    complain(`althing: cannot write to standard output: ${why}, the agent goes on without its log`)
  );
  await runAgent(await detectRuntime(), config, logLines(print, { format, level }));
}

interface MemberRow {
  readonly node_id: string;
  readonly state: string;
  readonly healthy: boolean;
  readonly region: string;
  readonly address: string;
  readonly rpc: string | null;
  readonly reason?: string;
}

async function members({ options }: Arguments): Promise<void> {
  const rows = await query<MemberRow[]>(queryTarget(options, process.env), "/cluster/members");
  if (options.has("json")) return print(printableJson(rows));
  print(table([
    ["NODE", "STATE", "HEALTHY", "REGION", "GOSSIP", "RPC", "REASON"],
    ...rows.map((row) => [
      row.node_id,
      row.state,
      row.healthy ? "yes" : "no",
      row.region,
      row.address,
      row.rpc ?? "-",
      row.reason ?? "",
    ]),
  ]));
}

async function status({ options }: Arguments): Promise<void> {
  const [summary, leaders] = await Promise.all([
    query<Record<string, unknown>>(queryTarget(options, process.env), "/cluster/status"),
    query<{ cluster: string | null; regions: Record<string, string> }>(
      queryTarget(options, process.env),
      "/cluster/leaders",
    ),
  ]);
  if (options.has("json")) return print(printableJson({ ...summary, leaders }));
  print(table([
    ["cluster", String(summary["cluster_health"])],
    ["members", `${summary["healthy_members"]} of ${summary["members"]} healthy`],
    ["this node", String(summary["local_node"])],
    ["leader", leaders.cluster ?? "none"],
    ...Object.entries(leaders.regions).map(([region, id]) => [`leader of ${region}`, id]),
  ]));
}

/** Ends with 1 when something is wrong. */
async function doctor({ options }: Arguments): Promise<void> {
  const config = options.get("config");
  const report = config === undefined
    ? await query<DoctorReport>(queryTarget(options, process.env), "/cluster/doctor", 60_000)
    : await examineConfig(await detectRuntime(), config);
  if (options.has("json")) print(printableJson(report));
  else print(table(doctorRows(report)));
  if (!report.ok) failed = true;
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new ClusterError(
    "bad-config",
    `Cannot read the command line: --${name} is "${value}", allowed are ${allowed.join(", ")}`,
  );
}

let failed = false;
try {
  await main(process.argv.slice(2));
  process.exitCode = failed ? 1 : 0;
} catch (error) {
  const reason = printable(error instanceof Error ? error.message : String(error));
  complain(`althing: ${reason}`);
  process.exitCode = ClusterError.is(error, "bad-config") ? 2 : 1;
}
