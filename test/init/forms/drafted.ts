import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { StackFile } from "../../../src/config/stackFile.js";
import { draftDescribed } from "../../../src/init/forms/draft.js";
import { type FormsOptions, readForms } from "../../../src/init/forms/forms.js";
import { checkDrafts } from "../../../src/init/project.js";
import { tempFolder } from "../../support/tmp.js";

/** Writes files into a folder of the test's own; paths within it. */
export function written(files: Record<string, string | Buffer>): (name: string) => string {
  const folder = join(tempFolder("forms"), "shop");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return (name) => join(folder, name);
}

/** The production stack config that is drafted from files, checked as `init` checks it, and everything that was found. */
export async function drafted(files: Record<string, string | Buffer>, from: string[] = Object.keys(files), options: FormsOptions = {}) {
  const at = written(files);
  const { application, described, findings, kind } = await readForms(
    from.map((name) =>
      /^(compose|procfile|systemd|helm)=/.test(name) ? name.replace(/=(.*)/, (_, path: string) => `=${at(path)}`) : at(name),
    ),
    options,
  );
  const answers = { region: "eu-west-1", registry: "ghcr.io/acme", domain: "acme.test", environments: ["staging", "production"] };
  const drafts = draftDescribed(application, described, {}, answers, findings);
  await checkDrafts("stacks", drafts);
  const stack = `${application}-production`;
  const text = drafts.find((d) => d.stack === stack)?.text ?? "";
  const file = StackFile.parse("stacks/file.yaml", stack, text);
  const all = findings.all();
  const said = (asks: boolean): string => all.flatMap((f) => (f.asks === asks ? [`${f.at}: ${f.what}`] : [])).join("\n");
  return { application, kind, text, config: file.shape(), asked: said(true), noted: said(false) };
}

/** The message with which files are refused. */
export async function refused(files: Record<string, string | Buffer>, from?: string[], options?: FormsOptions): Promise<string> {
  return drafted(files, from, options).then(
    ({ text }) => {
      throw new Error(`not refused: ${text}`);
    },
    (error: Error) => error.message,
  );
}
