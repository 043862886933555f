/**
 * Reads what the three test runners report (JUnit files, and for what those leave out their text)
 * into one honest count. Leaves are counted, never the groups around them.
 *
 * @module
 */

import type { RuntimeName } from "./runtimes.ts";

/** Counts of one run of one runner. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  /** Names of the tests that did not run. */
  readonly skipped: readonly string[];
}

interface Case {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Deno: a group that failed only because of a test inside it. */
  readonly isEcho: boolean;
}

/**
 * Counts the tests of one run. `junit` is the report file's text (empty when the runner died before
 * writing it), `output` what the runner printed, `code` its exit code. A run that failed without a
 * failed test (a file that does not load, a crash) counts as one failure.
 */
export function countTests(
  runtime: RuntimeName,
  junit: string,
  output: string,
  code: number,
): TestCounts {
  const cases = runtime === "deno" ? leavesOf(casesOf(junit)) : casesOf(junit);
  const passed = cases.filter((c) => c.outcome === "passed").length;
  let failed = cases.filter((c) => c.outcome === "failed").length;
  failed = Math.max(failed, failedInReport(runtime, junit, output, failed));
  // A runner that a test made exit leaves no report, whatever its code says.
  if (failed === 0 && (code !== 0 || cases.length === 0)) failed = 1;
  const skipped = cases.filter((c) => c.outcome === "skipped").map((c) => c.name);
  return { passed, failed, skipped };
}

/** The part of a runner's output that tells of failures; all of it when the runner tells none apart. */
export function failuresIn(runtime: RuntimeName, output: string): string {
  if (runtime === "bun") {
    const rest = output.replace(/^\(pass\).*\n/gm, "");
    return rest.replace(/^\S+_test\.ts:\n\n(?=\S+_test\.ts:\n)/gm, ""); // files without one
  }
  const lines = output.split("\n");
  const heading = runtime === "deno" ? / ERRORS $/ : /^✖ failing tests:$/;
  const from = lines.findIndex((line) => heading.test(line));
  return from === -1 ? output : lines.slice(from).join("\n");
}

function casesOf(junit: string): Case[] {
  const found: Case[] = [];
  for (
    const match of junit.matchAll(/<testcase\b((?:[^>"]|"[^"]*")*?)(\/>|>([^]*?)<\/testcase>)/g)
  ) {
    const attributes = match[1] ?? "";
    const body = match[3] ?? "";
    const name = unescaped(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? "");
    const outcome = /<(failure|error)\b/.test(body)
      ? "failed"
      : /<skipped\b/.test(body)
      ? "skipped"
      : "passed";
    found.push({ name, outcome, isEcho: /message="\d+ test steps? failed"/.test(body) });
  }
  return found;
}

/** Deno writes a group as a case of its own, and the tests in it as `group > test`. */
function leavesOf(cases: readonly Case[]): Case[] {
  const groups = new Set<string>();
  for (const { name } of cases) {
    for (let at = name.indexOf(" > "); at !== -1; at = name.indexOf(" > ", at + 1)) {
      groups.add(name.slice(0, at));
    }
  }
  // A group that fails by itself (its hook threw) is a failure that no leaf shows.
  return cases.filter((c) => !groups.has(c.name) || (c.outcome === "failed" && !c.isEcho));
}

/** Failures the JUnit file does not list one by one. */
function failedInReport(
  runtime: RuntimeName,
  junit: string,
  output: string,
  listed: number,
): number {
  if (runtime === "node") {
    return count(/<!-- fail (\d+) -->/.exec(junit)) + count(/<!-- cancelled (\d+) -->/.exec(junit));
  }
  if (runtime === "bun") {
    return count(/^ *(\d+) fail$/m.exec(output));
  }
  const unloaded = new Set(output.match(/^\S+ \(uncaught error\)$/gm) ?? []);
  return listed + unloaded.size;
}

function count(match: RegExpExecArray | null): number {
  return Number(match?.[1] ?? 0);
}

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}
