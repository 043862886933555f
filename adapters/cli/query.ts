import { ClusterError } from "../../mod.ts";

/** Where a running node's status is, and how to be let in. */
export interface QueryTarget {
  /** `host:port` or a URL. */
  readonly address: string;
  readonly token?: string;
}

/** What the options of a command and the environment say; an option goes before its variable. */
export function queryTarget(
  options: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): QueryTarget {
  const token = options.get("token") ?? env["ALTHING_TOKEN"];
  return {
    address: options.get("address") ?? "127.0.0.1:8080",
    ...(token === undefined || token === "" ? {} : { token }),
  };
}

/** Reads one JSON page of a running node; rejects with `unreachable` or `refused`, saying what to do. */
export async function query<T>(
  target: QueryTarget,
  path: string,
  timeoutMs = 5_000,
): Promise<T> {
  const base = target.address.includes("://") ? target.address : `http://${target.address}`;
  let response: Response;
  try {
    response = await fetch(new URL(path, base), {
      headers: target.token === undefined ? {} : { authorization: `Bearer ${target.token}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (cause) {
    throw new ClusterError(
      "unreachable",
      `Cannot read ${base}${path}: no node answers there, start one with "althing agent" or pass --address`,
      { cause },
    );
  }
  if (response.status === 401 || response.status === 403) {
    await response.body?.cancel();
    throw new ClusterError(
      "refused",
      `Cannot read ${base}${path}: a token is needed, set ALTHING_TOKEN or pass --token`,
    );
  }
  if (!response.ok) {
    throw new ClusterError(
      "bad-data",
      `Cannot read ${base}${path}: status ${response.status}, ${await response.text()}`,
    );
  }
  return await response.json() as T;
}
