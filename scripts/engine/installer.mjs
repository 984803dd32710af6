// The Automation API's own installer, asked only when its host answers, in a child process that can be ended.
import { lookup } from "node:dns/promises";
import { request } from "node:https";
import { fileURLToPath } from "node:url";
import { run } from "../children.mjs";
import { startProgress } from "../progress.mjs";

const HOST = "get.pulumi.com";
const LOOKUP_MS = 5_000;
const FIRST_BYTE_MS = 20_000;
const WHOLE_MS = 10 * 60_000;
const PROGRAM = fileURLToPath(new URL("./installerChild.mjs", import.meta.url));

const within = (promise, ms, text) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(text)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** Undefined when the installer's host answers within the deadlines, otherwise why not. */
export async function whyNoInstaller() {
  try {
    await within(lookup(HOST), LOOKUP_MS, `${HOST} was not found within ${LOOKUP_MS / 1000} s`);
    await new Promise((resolve, reject) => {
      const asked = request({ host: HOST, path: "/install.sh", method: "HEAD", timeout: FIRST_BYTE_MS }, (response) => {
        response.resume();
        if (response.statusCode < 400) resolve();
        else reject(new Error(`${HOST} answers ${response.statusCode}`));
        asked.destroy();
      });
      asked.on("timeout", () => asked.destroy(new Error(`${HOST} sent nothing for ${FIRST_BYTE_MS / 1000} s`)));
      asked.on("error", reject);
      asked.end();
    });
    return undefined;
  } catch (error) {
    return error.code === undefined ? error.message : `${HOST} cannot be reached (${error.code})`;
  }
}

/** Installs into `folder`/bin. Gives undefined when it went well, otherwise why not. */
export async function installRelease(version, folder, { env }) {
  const progress = startProgress(`downloading Pulumi ${version}`);
  const { code, late, stderr } = await run(process.execPath, [PROGRAM, version, folder], { env, deadlineMs: WHOLE_MS });
  progress.stop();
  if (code === 0) return undefined;
  return late ? `the download took longer than ${WHOLE_MS / 60_000} minutes` : (stderr.trim().split("\n").at(-1) ?? "it failed");
}
