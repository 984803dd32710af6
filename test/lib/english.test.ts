import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";

/** Phrases that a native reader stumbles over, and the field's own words for them. */
const QUAINT: [RegExp, string][] = [
  [/there is no such thing/i, "Not found"],
  [/who asks is not known/i, "Unauthenticated"],
  [/\bhas not the (role|right)\b/i, "does not have the role"],
  [/\b(text|what) that is no JSON|\bwhat is no JSON/i, "not JSON"],
  [/\banew\b/i, "again"],
  [/\b(goes|go|went|going) back by itself\b/i, "automatically"],
  [/once the cause is mended/i, "fixed"],
  [/\blook whether it runs\b/i, "check that it is running"],
  [/\btells no time\b/i, "does not tell the time"],
  [/\bthe dearest\b/i, "the most expensive"],
  [/of which no good end was told/i, "whose success was never reported"],
];

describe("the English", () => {
  it("[people-19] is the field's own, in the code, its messages and the docs", () => {
    const found: string[] = [];
    for (const room of ["src", "docs", "README.md"]) {
      const at = join(projectRoot(), room);
      const files = room.includes(".")
        ? [""]
        : readdirSync(at, { recursive: true, encoding: "utf8" }).filter((f) => /\.(ts|md|html|css)$/.test(f));
      for (const file of files) {
        const text = readFileSync(join(at, file), "utf8").replaceAll(/\s+/g, " ");
        for (const [phrase, better] of QUAINT) if (phrase.test(text)) found.push(`${join(room, file)}: ${phrase.source} → ${better}`);
      }
    }
    expect(found).to.deep.equal([]);
  });
});
