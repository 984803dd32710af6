import { type ComponentChildren, h } from "preact";
import { plural } from "../lib/format.js";
import type { Change, Migration, Preview, Step, Way } from "../lib/types.js";

type ResourceChange = Preview["changes"][number];

const OPS: Record<ResourceChange["op"], { sign: string; word: string }> = {
  create: { sign: "+", word: "create" },
  update: { sign: "~", word: "update" },
  replace: { sign: "±", word: "replace" },
  delete: { sign: "−", word: "delete" },
};

/** An update as people read it: every resource, and of each every property before and after. */
export function previewDiff(whole: Preview): ComponentChildren {
  // Components group resources in the engine's tree; nothing of theirs is anywhere else.
  const preview = { ...whole, changes: whole.changes.filter((c) => !c.type.startsWith("cutover:")) };
  if (preview.changes.length === 0)
    return h("p", { class: "quiet" }, `Nothing changes; ${plural(preview.unchanged, "resource")} stay as they are.`);
  return h(
    "div",
    { class: "diff" },
    h("p", { class: "small quiet" }, `${countsOf(preview)}; ${plural(preview.unchanged, "resource")} unchanged.`),
    h("ul", null, preview.changes.map(resource)),
  );
}

function countsOf({ changes }: Preview): string {
  return (["create", "update", "replace", "delete"] as const)
    .flatMap((op) => {
      const count = changes.filter((c) => c.op === op).length;
      return count === 0 ? [] : [`${count} to ${op}`];
    })
    .join(", ");
}

function resource(c: ResourceChange): ComponentChildren {
  const { sign, word } = OPS[c.op];
  return h(
    "li",
    { key: c.urn, class: `resource ${c.op}` },
    h(
      "p",
      { class: "row" },
      h("span", { class: "op" }, h("span", { "aria-hidden": "true" }, sign), ` ${word}`),
      h("b", { class: "mono" }, c.name),
      h("span", { class: "quiet small mono" }, shortType(c.type)),
    ),
    c.diff.length === 0 ? false : pairs(c.diff),
  );
}

/** What holds data and would be gone: which resource, what the engine does with it, and what makes it do so. */
export function lossList(losses: NonNullable<Migration["losses"]>, step: Step | undefined): ComponentChildren {
  return h(
    "div",
    { class: "losses" },
    h("p", null, h("b", null, `${step?.title ?? "This step"}: its update would destroy data.`)),
    h(
      "ul",
      null,
      losses.map((l) => {
        const forced = step?.preview?.changes.find((c) => c.urn === l.urn)?.diff.filter((d) => d.replaces === true) ?? [];
        return h(
          "li",
          { key: l.urn, class: `resource ${l.op}` },
          h(
            "p",
            null,
            "The engine deletes ",
            h("b", { class: "mono" }, l.name),
            h("span", { class: "quiet" }, ` (${shortType(l.type)})`),
            l.op === "replace" ? " and makes another one in its place." : ".",
          ),
          forced.length === 0 ? false : pairs(forced),
        );
      }),
    ),
    h("p", { class: "bad" }, "What it holds goes with it. No rollback brings that back; only a backup or a snapshot that you have does."),
  );
}

/** `kubernetes:apps/v1:Deployment` is a Deployment; the rest tells services apart. */
const shortType = (type: string): string => type.replace(/\/[a-z][A-Za-z]*:/, ":");

/** Before and after, one property a line; a value that is long can be unfolded. */
export const pairs = (changes: readonly Pair[]): ComponentChildren =>
  h(
    "dl",
    { class: "pairs" },
    changes
      .flatMap(unfolded)
      .map((c) =>
        h(
          "div",
          { key: c.path },
          h("dt", { class: "mono" }, c.path, c.replaces === true ? h("span", { class: "bad" }, " forces a replacement") : false),
          h(
            "dd",
            null,
            c.before === undefined ? false : h("del", { class: "mono" }, h("span", { class: "sr" }, "before: "), text(c.before)),
            c.before !== undefined && c.after !== undefined ? h("span", { class: "quiet", "aria-hidden": "true" }, " → ") : false,
            c.after === undefined ? false : h("ins", { class: "mono" }, h("span", { class: "sr" }, "after: "), text(c.after)),
            c.before === undefined && c.after === undefined ? h("span", { class: "quiet" }, "known after the update") : false,
          ),
        ),
      ),
  );

type Pair = Change & { replaces?: boolean | undefined };

/** Annotations often hold JSON: of two such texts only what differs inside is shown. */
function unfolded(c: Pair): Pair[] {
  const [before, after] = [parsed(c.before), parsed(c.after)];
  if (before === undefined || after === undefined) return [c];
  const found: Pair[] = [];
  const walk = (path: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) === JSON.stringify(b)) return;
    if (isTree(a) && isTree(b)) for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) walk(`${path}.${key}`, a[key], b[key]);
    else found.push({ ...c, path, before: a, after: b });
  };
  walk(c.path, before, after);
  return found.length === 0 ? [c] : found;
}

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function parsed(value: unknown): unknown {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

const LONGEST = 160;

function text(value: unknown): ComponentChildren {
  const printed = typeof value === "string" ? value : JSON.stringify(value);
  if (printed.length <= LONGEST) return printed === "" ? '""' : printed;
  return h("details", { class: "long" }, h("summary", null, `${printed.slice(0, LONGEST)}…`), printed);
}

/** A way back: what runs, in order; what stays all the same; what would be lost. */
export function wayBack(way: Way): ComponentChildren {
  return h(
    "div",
    { class: "stack tight" },
    way.path.length === 0
      ? h("p", null, "Nothing has to be undone.")
      : h(
          "ol",
          { class: "way" },
          way.path.map((item, i) =>
            h(
              "li",
              { key: i },
              h("span", null, item.summary),
              item.kind === "config" && item.afterSeconds !== undefined
                ? h("span", { class: "quiet small" }, `${item.afterSeconds} s after the one before`)
                : false,
              item.kind === "config"
                ? item.kept.map((k) => h("span", { class: "quiet small", key: k.path }, `Stays: ${k.path}, because ${k.why}.`))
                : false,
            ),
          ),
        ),
    h(
      "p",
      { class: way.loses.length > 0 ? "bad" : "good" },
      h("b", null, way.loses.length > 0 ? `Loses: ${way.loses.join("; ")}.` : "Loses nothing."),
    ),
    way.crossesPointOfNoReturn ? h("p", { class: "bad" }, "It goes back over a point of no return after which users wrote data.") : false,
  );
}
