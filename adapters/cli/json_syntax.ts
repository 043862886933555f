/**
 * Says where a JSON text is broken: `JSON.parse` words it differently on every runtime, and takes the last of two equal
 * keys in silence.
 *
 * @module
 */

/** What is wrong, and where. */
export interface JsonFault {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What was found and what would be right. */
  readonly problem: string;
}

/** Nothing is nested deeper. */
const DEPTH_MAX = 512;

/** The first fault of `text`; `undefined` when it is JSON without repeated keys. */
export function findJsonFault(text: string): JsonFault | undefined {
  const scan = new Scan(text);
  const fault = scan.document();
  if (fault === undefined) return undefined;
  const before = text.slice(0, fault.at);
  const lineStart = before.lastIndexOf("\n") + 1;
  return {
    line: before.split("\n").length,
    column: fault.at - lineStart + 1,
    problem: fault.problem,
  };
}

interface FaultAt {
  readonly at: number;
  readonly problem: string;
}

const SPACE = /[ \t\r\n]*/y;
// deno-lint-ignore no-control-regex -- JSON forbids exactly these in strings.
const LITERAL = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;
const PLAIN = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const WORD = /[^\s,:[\]{}"]+/y;

class Scan {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): FaultAt | undefined {
    const fault = this.#value(0);
    if (fault !== undefined) return fault;
    this.#match(SPACE);
    return this.#at < this.#text.length ? this.#found("the end of the file") : undefined;
  }

  #value(depth: number): FaultAt | undefined {
    this.#match(SPACE);
    if (depth > DEPTH_MAX) return { at: this.#at, problem: `nests deeper than ${DEPTH_MAX}` };
    const next = this.#text[this.#at];
    if (next === "{") return this.#object(depth);
    if (next === "[") return this.#array(depth);
    if (next === '"') return this.#string() === undefined ? this.#badString() : undefined;
    const start = this.#at;
    const plain = this.#match(PLAIN);
    if (plain === undefined || this.#match(WORD) !== undefined) {
      this.#at = start;
      return this.#found("a value");
    }
    return undefined;
  }

  #object(depth: number): FaultAt | undefined {
    const keys = new Set<string>();
    this.#at++;
    this.#match(SPACE);
    if (this.#take("}")) return undefined;
    for (;;) {
      this.#match(SPACE);
      const start = this.#at;
      if (this.#text[start] !== '"') return this.#found("a key in double quotes");
      const quoted = this.#string();
      if (quoted === undefined) return this.#badString();
      const key = JSON.parse(quoted) as string;
      if (keys.has(key)) return { at: start, problem: `the key ${quoted} is there twice` };
      keys.add(key);
      this.#match(SPACE);
      if (!this.#take(":")) return this.#found('":"');
      const fault = this.#value(depth + 1);
      if (fault !== undefined) return fault;
      this.#match(SPACE);
      if (this.#take("}")) return undefined;
      if (!this.#take(",")) return this.#found('"," or "}"');
    }
  }

  #array(depth: number): FaultAt | undefined {
    this.#at++;
    this.#match(SPACE);
    if (this.#take("]")) return undefined;
    for (;;) {
      const fault = this.#value(depth + 1);
      if (fault !== undefined) return fault;
      this.#match(SPACE);
      if (this.#take("]")) return undefined;
      if (!this.#take(",")) return this.#found('"," or "]"');
    }
  }

  /** The string that begins here, with its quotes; `undefined`, without moving, when it is broken. */
  #string(): string | undefined {
    const start = this.#at++;
    do this.#match(LITERAL); while (this.#match(ESCAPE) !== undefined);
    if (this.#take('"')) return this.#text.slice(start, this.#at);
    this.#at = start;
    return undefined;
  }

  #badString(): FaultAt {
    return {
      at: this.#at,
      problem: "the string that begins here does not end, or holds a line break or a bad escape",
    };
  }

  #found(wanted: string): FaultAt {
    const start = this.#at;
    const word = this.#match(WORD) ?? this.#text[start];
    this.#at = start;
    const found = word === undefined ? "the end of the file" : JSON.stringify(word.slice(0, 40));
    return { at: start, problem: `found ${found} where ${wanted} belongs` };
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }
}
