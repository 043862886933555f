import type { Version } from "../../mod.ts";

/** A version as `ETag` and in answers; equal texts are equal versions. */
export function versionText({ wallMs, logic, origin, boot }: Version): string {
  return `${wallMs}.${logic}.${origin}.${boot}`;
}
