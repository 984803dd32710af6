/** Real parts that a test needs and a machine may lack: skipped locally with a word on how to get them, a failure in CI. */

const missing = new Map<string, string>();

/** Name and way to install of each part that tests were skipped for. */
export const missingParts = (): ReadonlyMap<string, string> => missing;

/**
 * Call at the start of a test or hook that needs `name`. With CI=true a missing part throws, because a test that
 * silently never runs proves nothing; `mayBeMissingInCi` says that CI is known not to have it.
 */
export function requirePart(
  context: Mocha.Context,
  name: string,
  available: boolean,
  howToInstall: string,
  options: { mayBeMissingInCi?: boolean } = {},
): void {
  if (available) return;
  if (process.env.CI === "true" && options.mayBeMissingInCi !== true) throw new Error(`${name} is missing: ${howToInstall}`);
  missing.set(name, howToInstall);
  context.skip();
}
