/** One thing that the service needs to be of use. Rejects, or answers what is wrong, when it is not there. */
export interface Part {
  name: string;
  check: () => Promise<string | undefined>;
}

const CHECK_MS = 3_000;

/** Whether the service should be given requests. A process that is not ready may well be alive. */
export class Readiness {
  private stopping = false;

  constructor(private readonly parts: readonly Part[]) {}

  /** From now on no more requests. */
  stop(): void {
    this.stopping = true;
  }

  get isStopping(): boolean {
    return this.stopping;
  }

  /** What is not ready, by part; empty when all is. */
  async missing(): Promise<Record<string, string>> {
    if (this.stopping) return { service: "is shutting down" };
    const answers = await Promise.all(this.parts.map(async ({ name, check }) => [name, await inTime(check())] as const));
    return Object.fromEntries(answers.filter((a): a is readonly [string, string] => a[1] !== undefined));
  }
}

/** The reason why not, also when it does not answer or cannot say. Reasons hold no details: anybody may ask. */
async function inTime(check: Promise<string | undefined>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`does not answer within ${CHECK_MS / 1_000} s`), CHECK_MS);
  });
  try {
    return await Promise.race([check, late]);
  } catch {
    return "does not answer";
  } finally {
    clearTimeout(timer);
  }
}
