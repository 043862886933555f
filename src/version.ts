/**
 * The package's version, written by `tools/set_version.ts` together with the manifests.
 *
 * @module
 */

/** The version of this package, as in its manifests. */
export const VERSION: string = "0.1.0";
