import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Document, isMap, parseDocument, visit } from "yaml";
import { NotFound, UserError } from "../errors.js";
import { nearest } from "../lib/nearest.js";
import { canonical, everySecret, isPlainMap, PREFIX, type RawConfig, readConfig } from "./rawConfig.js";
import type { StackConfig } from "./schema.js";

export * from "./rawConfig.js";

const FILE = /^Pulumi\.([A-Za-z0-9_.-]+)\.yaml$/;

/**
 * One stack's config file (`stacks/Pulumi.STACK.yaml`), the same file that `pulumi` reads. Comments, anchors, line ends and the
 * encryption salt survive a write. Files are replaced atomically.
 */
export class StackFile {
  private constructor(
    readonly path: string,
    readonly stack: string,
    private document: Document,
    /** As some editors leave it. */
    private readonly endsWithCr: boolean,
  ) {}

  static pathOf(folder: string, stack: string): string {
    return join(folder, `Pulumi.${stack}.yaml`);
  }

  /** Names of the stacks that have a file in the folder, sorted. */
  static async list(folder: string): Promise<string[]> {
    const names = await readdir(folder).catch(() => {
      throw new NotFound(`There is no folder ${folder} with stack configs.`, {
        next: "Name it with --stacks, or make a project with stack configs first.",
      });
    });
    return names.flatMap((n) => FILE.exec(n)?.[1] ?? []).sort();
  }

  /** @throws NotFound without the file, UserError when it is no YAML map */
  static async read(folder: string, stack: string): Promise<StackFile> {
    const path = StackFile.pathOf(folder, stack);
    const text = await readFile(path, "utf8").catch(async (cause) => {
      const close = nearest(stack, await StackFile.list(folder).catch(() => []));
      const next = close === undefined ? `Stacks are named APPLICATION-ENVIRONMENT; write ${path}.` : `Did you mean ${close}?`;
      throw new NotFound(`There is no stack config ${path}.`, { cause, next });
    });
    return StackFile.parse(path, stack, text);
  }

  static parse(path: string, stack: string, text: string): StackFile {
    const document = parseDocument(text, { prettyErrors: true });
    const broken = document.errors[0];
    if (broken !== undefined)
      throw new UserError({ path, got: broken.message.split("\n")[0] ?? "", accepted: "a YAML file as `pulumi config` writes it" });
    if (!isMap(document.contents) || !isMap(document.get("config")))
      throw new UserError({ path: `${path}: config`, accepted: "a map of namespaced keys" });
    return new StackFile(path, stack, document, text.includes("\r\n"));
  }

  /** The whole `config:` map; ciphertexts stay ciphertexts. */
  raw(): RawConfig {
    return (this.document.toJS() as { config: RawConfig }).config;
  }

  /** The checked config. Secrets read `"sealed"`. @throws UserError naming each wrong value */
  config(): StackConfig {
    return readConfig(this.raw(), this.path, this.stack);
  }

  /** The config checked in everything but that its secrets are set: a plan needs none, and a rehearsal makes them up. @throws UserError */
  shape(): StackConfig {
    return readConfig(
      { ...this.raw(), [`${PREFIX}secrets`]: { ...everySecret(this.raw()), ...(this.raw()[`${PREFIX}secrets`] as object | undefined) } },
      this.path,
      this.stack,
    );
  }

  /** Makes the `config:` map equal to the given one. Comments beside what stays are kept. Not written until `write`. */
  replace(raw: RawConfig): this {
    const before = this.raw();
    const kept = this.document.clone();
    if (!hasAliases(kept)) this.merge(["config"], before, raw);
    else if (!this.mergedByAliases(before, raw)) {
      this.document = withoutAliases(kept);
      this.merge(["config"], before, raw);
    }
    return this;
  }

  /** What is written once and used in several places may stay so. @returns false where they differ now */
  private mergedByAliases(before: RawConfig, raw: RawConfig): boolean {
    try {
      this.merge(["config"], before, raw);
      return canonical(this.raw()) === canonical(raw);
    } catch {
      // A value stands only where it was written first, or was removed there.
      return false;
    }
  }

  text(): string {
    const text = this.document.toString({ lineWidth: 140 });
    return this.endsWithCr ? text.replaceAll("\n", "\r\n") : text;
  }

  private merge(at: string[], before: Record<string, unknown>, after: Record<string, unknown>): void {
    for (const key of Object.keys(before)) if (!(key in after)) this.document.deleteIn([...at, key]);
    for (const [key, value] of Object.entries(after)) {
      const was = before[key];
      if (canonical(was ?? null) === canonical(value)) continue;
      if (isPlainMap(was) && isPlainMap(value)) this.merge([...at, key], was, value);
      else this.document.setIn([...at, key], this.document.createNode(value));
    }
  }

  async write(): Promise<void> {
    await writeAtomically(this.path, this.text());
  }
}

function hasAliases(document: Document): boolean {
  let found = false;
  visit(document, {
    Alias: () => {
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

/** Each place with its own copy of what an anchor stands for. */
function withoutAliases(document: Document): Document {
  visit(document, { Alias: (_, alias) => document.createNode(alias.toJS(document)) });
  return document;
}

/** Written beside and renamed into place, so that a reader or a crash never meets half a file. */
export async function writeAtomically(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.partial`;
  try {
    const handle = await open(partial, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    throw new UserError(
      { path, got: (cause as NodeJS.ErrnoException).code ?? String(cause), accepted: "a folder that can be written to, with free space" },
      { cause, next: "Make the folder writable or free space, then run the command again; nothing was changed." },
    );
  }
}
