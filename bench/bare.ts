/**
 * A process that does nothing, to compare a node with.
 *
 * @module
 */

setInterval(() => {}, 3_600_000);
