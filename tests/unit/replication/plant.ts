/** Runs with one method replaced by a bug. */
export function planted<T extends object, K extends keyof T>(
  on: T,
  name: K,
  bug: T[K],
  run: () => void,
): void {
  const right = on[name];
  on[name] = bug;
  try {
    run();
  } finally {
    on[name] = right;
  }
}
