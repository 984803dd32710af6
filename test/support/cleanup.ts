/**
 * What a test must put right afterwards, even when it fails: run after each test, newest first, so that a process ends
 * before the folder it writes to is removed. Import this (or what builds on it) at the top of a test file.
 */
type CleanUp = () => void | Promise<void>;

const pending: CleanUp[] = [];

export function afterThisTest(cleanUp: CleanUp): void {
  pending.push(cleanUp);
}

afterEach("clean up", async () => {
  const problems: unknown[] = [];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    try {
      await next();
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw new AggregateError(problems, `clean-up failed: ${problems.join("; ")}`);
});
