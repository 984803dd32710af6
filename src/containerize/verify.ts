import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Terminal } from "../errors.js";

const run = promisify(execFile);
const MINUTE = 60_000;
const HEALTH_WAIT_MS = 60_000;

export type Verification = { verified: true; steps: string[] } | { verified: false; reason: string };

/**
 * The seed's local sequence: docker build, run, GET /health, docker run npm test. Without a Docker engine, or without
 * the application's sources, it says so and verifies nothing.
 * @param source folder with the application's sources and its Dockerfile
 * @throws Terminal when a step fails
 */
export async function verifyImage(name: string, source: string | undefined, test: string[] = ["npm", "test"]): Promise<Verification> {
  const engine = await run("docker", ["info", "--format", "{{.ServerVersion}}"], { timeout: MINUTE }).catch(() => undefined);
  if (engine === undefined) return { verified: false, reason: "no Docker engine answers on this machine" };
  if (source === undefined)
    return { verified: false, reason: "the application's sources are not named in the inventory (column Repository)" };
  const tag = `${name}:local`;
  const steps: string[] = [];
  const docker = async (what: string, args: string[], timeout: number): Promise<string> => {
    try {
      const { stdout } = await run("docker", args, { timeout, maxBuffer: 64 * 1_024 * 1_024 });
      steps.push(what);
      return stdout.trim();
    } catch (cause) {
      throw new Terminal(`${what} failed: ${(cause as Error).message.split("\n").slice(-3).join(" ")}`, { cause });
    }
  };
  await docker(`docker build -t ${tag}`, ["build", "-t", tag, source], 30 * MINUTE);
  const environment = ["-e", "DATABASE_URL=postgresql://user:pass@localhost:5432/db", "-e", "REDIS_URL=redis://localhost:6379"];
  const container = await docker(`docker run ${tag}`, ["run", "-d", "-p", "127.0.0.1::3000", ...environment, tag], MINUTE);
  try {
    const address = (await docker("docker port", ["port", container, "3000/tcp"], MINUTE)).split("\n")[0] ?? "";
    await healthy(`http://${address}/health`);
    steps.push("GET /health answered 200");
  } finally {
    await run("docker", ["rm", "-f", container]).catch(() => undefined);
  }
  await docker(`docker run ${tag} ${test.join(" ")}`, ["run", "--rm", "-e", "NODE_ENV=test", tag, ...test], 30 * MINUTE);
  return { verified: true, steps };
}

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
