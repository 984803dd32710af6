import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

const exec = promisify(execFile);
const MINUTE = 60_000;
const MOST_OUTPUT = 64 * 1_024 * 1_024;

/** What builds images and runs them on this machine. */
export interface ImageTool {
  name: "docker" | "buildah";
  build(tag: string, source: string, target?: string): Promise<void>;
  /** Runs the image's own command until `stop`. */
  start(tag: string, port: number, env: Record<string, string>): Promise<{ address: string; stop(): Promise<void> }>;
  /** Runs the image's own command to its end. @throws when it fails */
  run(tag: string): Promise<void>;
}

/** Docker where its engine answers, else buildah, which needs no daemon; undefined without both. */
export async function imageTool(): Promise<ImageTool | undefined> {
  const answers = (program: string, args: string[]): Promise<boolean> =>
    exec(program, args, { timeout: MINUTE }).then(
      () => true,
      () => false,
    );
  if (await answers("docker", ["info", "--format", "{{.ServerVersion}}"])) return docker;
  return (await answers("buildah", ["--version"])) ? buildah() : undefined;
}

const docker: ImageTool = {
  name: "docker",
  build: async (tag, source, target) => {
    const stage = target === undefined ? [] : ["--target", target];
    await exec("docker", ["build", "-t", tag, ...stage, source], { timeout: 30 * MINUTE, maxBuffer: MOST_OUTPUT });
  },
  start: async (tag, port, env) => {
    const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const { stdout } = await exec("docker", ["run", "-d", "-p", `127.0.0.1::${port}`, ...variables, tag], { timeout: MINUTE });
    const container = stdout.trim();
    const stop = () => exec("docker", ["rm", "-f", container]).then(() => undefined, () => undefined); // biome-ignore format: one thought
    try {
      const ports = await exec("docker", ["port", container, `${port}/tcp`], { timeout: MINUTE });
      return { address: ports.stdout.trim().split("\n")[0] ?? "", stop };
    } catch (error) {
      await stop();
      throw error;
    }
  },
  run: async (tag) => {
    await exec("docker", ["run", "--rm", tag], { timeout: 30 * MINUTE, maxBuffer: MOST_OUTPUT });
  },
};

/**
 * Buildah without a daemon and without rights to make namespaces (`--isolation chroot`): a container has this machine's network, so
 * the application listens on its own port here.
 * @param more options of every command, for example where images are kept
 */
export function buildah(more: string[] = []): ImageTool {
  const call = async (args: string[], timeout = 30 * MINUTE): Promise<string> =>
    (await exec("buildah", [...more, ...args], { timeout, maxBuffer: MOST_OUTPUT })).stdout;
  /** The image's own command and settings; chroot isolation starts what it is given. */
  const commandOf = async (container: string): Promise<string[]> => {
    const { OCIv1 } = JSON.parse(await call(["inspect", container], MINUTE)) as {
      OCIv1: { config?: { Entrypoint?: string[]; Cmd?: string[] } };
    };
    return [...(OCIv1.config?.Entrypoint ?? []), ...(OCIv1.config?.Cmd ?? [])];
  };
  const made = async (tag: string): Promise<{ container: string; remove(): Promise<void> }> => {
    const container = (await call(["from", "--pull=never", `localhost/${tag}`], 10 * MINUTE)).trim();
    return { container, remove: () => call(["rm", container], MINUTE).then(() => undefined, () => undefined) }; // biome-ignore format: one thought
  };
  return {
    name: "buildah",
    build: async (tag, source, target) => {
      const stage = target === undefined ? [] : ["--target", target];
      // With the OCI format a health check is dropped.
      await call(["build", "--isolation", "chroot", "--format", "docker", "--pull=missing", "-t", `localhost/${tag}`, ...stage, source]);
    },
    start: async (tag, port, env) => {
      const { container, remove } = await made(tag);
      const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
      const args = ["run", "--isolation", "chroot", ...variables, container, "--", ...(await commandOf(container))];
      const child = spawn("buildah", [...more, ...args], { stdio: "ignore", detached: true });
      return {
        address: `127.0.0.1:${port}`,
        stop: async () => {
          // Its own group: buildah, and the application in the chroot.
          if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
            process.kill(-child.pid, "SIGKILL");
            await once(child, "exit");
          }
          await remove();
        },
      };
    },
    run: async (tag) => {
      const { container, remove } = await made(tag);
      try {
        await call(["run", "--isolation", "chroot", container, "--", ...(await commandOf(container))]);
      } finally {
        await remove();
      }
    },
  };
}
