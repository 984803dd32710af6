import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { StackFile, writeAtomically } from "../../config/stackFile.js";
import { CutoverError } from "../../errors.js";
import type { ExportedState } from "./calls.js";

/**
 * The stacks' files as the engine needs them: its keys to the secrets, and the secrets. A file that somebody broke or removed
 * in the night keeps no step waiting, and no way back: what it last had is used, or what the engine's state has of its keys.
 */
export class StackFiles {
  constructor(
    private readonly folder: string,
    private readonly scratch: string,
    private readonly state: (stack: string) => Promise<ExportedState>,
  ) {}

  /** @returns the file, or what stands in for it and why */
  async read(stack: string): Promise<{ file: StackFile; unreadable?: string }> {
    const copy = join(this.scratch, `last-read.${stack}.yaml`);
    try {
      const file = await StackFile.read(this.folder, stack);
      await this.keep(copy, file.text());
      return { file };
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      const path = StackFile.pathOf(this.folder, stack);
      const text = (await readFile(copy, "utf8").catch(() => undefined)) ?? (await this.keysOf(stack));
      if (text === undefined) throw error;
      const file = StackFile.parse(path, stack, text);
      return { file, unreadable: `${error.message} It is left as it is, and its keys and secrets are used as they were last read.` };
    }
  }

  private readonly kept = new Map<string, string>();

  /** Nothing waits for it: without it a broken file is read with the engine's keys. */
  private async keep(copy: string, text: string): Promise<void> {
    if (this.kept.get(copy) === text) return;
    await writeAtomically(copy, text).then(
      () => this.kept.set(copy, text),
      () => rm(copy, { force: true }),
    );
  }

  /** How the engine's state says that its secrets are sealed. */
  private async keysOf(stack: string): Promise<string | undefined> {
    const { deployment } = await this.state(stack);
    const { type, state } = (deployment as { secrets_providers?: Provider } | undefined)?.secrets_providers ?? {};
    const { salt, url, encryptedkey } = state ?? {};
    if (type === "passphrase") return stringify({ encryptionsalt: salt, config: {} });
    return url === undefined ? undefined : stringify({ secretsprovider: url, encryptedkey, config: {} });
  }
}

interface Provider {
  type?: string;
  state?: { salt?: string; url?: string; encryptedkey?: string };
}
