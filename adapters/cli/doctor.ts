import { type DoctorReport, runDoctor, type Runtime } from "../../mod.ts";
import { loadConfig } from "./load_config.ts";
import { openDiscovery } from "./open_discovery.ts";

/** Examines what a node with this config file would meet. */
export async function examineConfig(runtime: Runtime, path: string): Promise<DoctorReport> {
  return await runDoctor(runtime, await loadConfig(path, runtime.files), {
    discovery: openDiscovery,
  });
}

/** The report as a table, the head first; what is wrong stands in capitals. */
export function doctorRows({ lines }: DoctorReport): readonly (readonly string[])[] {
  return [
    ["VERDICT", "CHECK", "FROM", "TO", "SEEN", "WHAT TO DO"],
    ...lines.map(({ verdict, check, from, to, said, cure }) => [
      verdict === "bad" ? "BAD" : verdict,
      check,
      from,
      to,
      said,
      cure,
    ]),
  ];
}
