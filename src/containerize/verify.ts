import { Terminal } from "../errors.js";
import { type ImageTool, imageTool } from "./imageTool.js";

const HEALTH_WAIT_MS = 60_000;
/** Of a failed command: its own words, and those of the tool that ran it. */
const MOST_LINES = 8;

export type Verification = { verified: true; steps: string[] } | { verified: false; reason: string };

export interface VerifyOptions {
  /** That the application listens on. */
  port: number;
  /** That answers 200 once it is healthy. */
  healthPath: string;
  /** The Dockerfile's stage whose command runs the tests. @default nothing is tested */
  testStage?: string | undefined;
}

/**
 * The seed's local sequence: build, run, GET the health page, run the tests (in the stage that has what they need). By
 * Docker, or by buildah where no Docker engine answers. Without either, or without the application's sources, it says so and
 * verifies nothing.
 * @param source folder with the application's sources and its Dockerfile
 * @throws Terminal when a step fails
 */
export async function verifyImage(
  name: string,
  source: string | undefined,
  { port, healthPath, testStage }: VerifyOptions,
  tool?: ImageTool,
): Promise<Verification> {
  const by = tool ?? (await imageTool());
  if (by === undefined) return { verified: false, reason: "neither a Docker engine nor buildah answers on this machine" };
  if (source === undefined || source === "")
    return { verified: false, reason: "the application's sources are not named in the inventory (column Repository)" };
  const tag = `${name}:local`;
  const steps: string[] = [];
  const step = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
    try {
      const answer = await run();
      steps.push(what);
      return answer;
    } catch (cause) {
      const told = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message;
      throw new Terminal(`${what} failed: ${told.split("\n").slice(-MOST_LINES).join(" ")}`, { cause });
    }
  };
  await step(`${by.name} build -t ${tag}`, () => by.build(tag, source));
  const running = await step(`${by.name} run ${tag}`, () => by.start(tag, port, ENVIRONMENT));
  try {
    await healthy(`http://${running.address}${healthPath}`);
    steps.push(`GET ${healthPath} answered 200`);
  } finally {
    await running.stop();
  }
  if (testStage !== undefined) {
    await step(`${by.name} build --target ${testStage}`, () => by.build(`${tag}-test`, source, testStage));
    await step(`${by.name} run ${tag}-test`, () => by.run(`${tag}-test`));
  } else steps.push("no tests were found");
  return { verified: true, steps };
}

/** Nothing answers there: an application that cannot start without its database is not verified. */
const ENVIRONMENT = { DATABASE_URL: "postgresql://user:pass@localhost:5432/db", REDIS_URL: "redis://localhost:6379" };

async function healthy(url: string): Promise<void> {
  const deadline = Date.now() + HEALTH_WAIT_MS;
  let last = "no answer";
  while (Date.now() < deadline) {
    try {
      const { status } = await fetch(url, { signal: AbortSignal.timeout(3_000) });
      if (status === 200) return;
      last = `status ${status}`;
    } catch (error) {
      last = (error as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Terminal(`GET ${url} did not answer 200 within ${HEALTH_WAIT_MS / 1_000} s: ${last}`);
}
