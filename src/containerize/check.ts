import { spawn } from "node:child_process";

/** A rule that a Dockerfile breaks, with the line it stands on (from 1). */
export interface DockerfileFinding {
  rule: string;
  line: number;
  what: string;
}

interface Instruction {
  line: number;
  name: string;
  text: string;
}

/** Findings of hadolint where it is on PATH, and of our own checks in any case. */
export async function lintDockerfile(dockerfile: string): Promise<{ by: string; findings: DockerfileFinding[] }> {
  const own = checkDockerfile(dockerfile);
  const theirs = await hadolint(dockerfile);
  return theirs === undefined
    ? { by: "cutover's own checks", findings: own }
    : { by: "hadolint and cutover's own checks", findings: [...theirs, ...own] };
}

/** undefined where hadolint is not installed. It ends with 1 when it finds something, and says what as JSON. */
async function hadolint(dockerfile: string): Promise<DockerfileFinding[] | undefined> {
  const child = spawn("hadolint", ["--no-fail", "--format", "json", "-"], { stdio: ["pipe", "pipe", "inherit"] });
  const output = new Promise<string | undefined>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
    });
    child.once("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? resolve(undefined) : reject(error)));
    child.once("close", () => resolve(text));
  });
  // A program that is not there takes no input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(dockerfile);
  const text = await output;
  if (text === undefined) return undefined;
  return (JSON.parse(text) as { code: string; line: number; message: string }[]).map(({ code, line, message }) => ({
    rule: code,
    line,
    what: message,
  }));
}

/** Checks of our own, for machines without hadolint; names say the rule. */
export function checkDockerfile(dockerfile: string): DockerfileFinding[] {
  const all = instructions(dockerfile);
  const findings: DockerfileFinding[] = [];
  const say = (rule: string, line: number, what: string): void => void findings.push({ rule, line, what });
  const of = (name: string): Instruction[] => all.filter((i) => i.name === name);
  const stages = of("FROM");
  const named = new Set(stages.flatMap(({ text }) => /\sAS\s+(\S+)/i.exec(text)?.[1] ?? []));
  for (const { text, line } of stages) {
    const image = text.split(/\s+/)[0] ?? "";
    if (named.has(image)) continue;
    if (!image.includes(":") || image.endsWith(":latest")) say("pinned-base", line, `${image} has no fixed tag`);
  }
  if (stages.length < 2) say("multi-stage", stages[0]?.line ?? 1, "what builds the application stays in the image");
  const last = stages.at(-1)?.line ?? 0;
  const user = of("USER")
    .filter((i) => i.line > last)
    .at(-1);
  if (user === undefined || /^(0|root)(:|$)/.test(user.text)) say("non-root", user?.line ?? last, "the image runs as root");
  const command = of("CMD").at(-1);
  if (command === undefined || !command.text.startsWith("["))
    say("exec-form", command?.line ?? last, "CMD in shell form does not pass signals on");
  const check = of("HEALTHCHECK").at(-1);
  if (check === undefined) say("health-check", last, "no HEALTHCHECK");
  else if (!/CMD\s+\[/.test(check.text)) say("health-check-exec", check.line, "the HEALTHCHECK needs a shell");
  for (const i of of("ADD")) if (/https?:\/\//.test(i.text)) say("no-remote-add", i.line, "ADD fetches without a checksum");
  for (const i of [...of("ENV"), ...of("ARG")])
    if (/(PASSWORD|SECRET|TOKEN|API_?KEY)\w*=\S/i.test(i.text)) say("no-secret", i.line, "a secret in the image's history");
  for (const i of of("WORKDIR")) if (!i.text.startsWith("/")) say("absolute-workdir", i.line, `${i.text} is relative`);
  for (const i of of("RUN"))
    if (/apt-get install/.test(i.text) && !/rm -rf \/var\/lib\/apt/.test(i.text))
      say("clean-apt", i.line, "the package lists stay in the image");
  return findings.sort((a, b) => a.line - b.line);
}

function instructions(dockerfile: string): Instruction[] {
  const found: Instruction[] = [];
  let open: Instruction | undefined;
  for (const [index, raw] of dockerfile.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (open !== undefined) open.text += ` ${line.replace(/\\$/, "").trim()}`;
    else {
      const [name = "", ...rest] = line.split(/\s+/);
      open = { line: index + 1, name: name.toUpperCase(), text: rest.join(" ").replace(/\\$/, "").trim() };
      found.push(open);
    }
    if (!line.endsWith("\\")) open = undefined;
  }
  return found;
}
