import type { Version } from "../../mod.ts";

/** A version in answers; equal texts are equal versions. */
export function versionText({ wallMs, logic, origin, boot }: Version): string {
  return `${wallMs}.${logic}.${origin}.${boot}`;
}

/** A version as `ETag`: node ids may hold quotes and characters that a header can't carry, which are percent-encoded. */
export function etag(version: Version): string {
  return `"${encodeURIComponent(versionText(version))}"`;
}
