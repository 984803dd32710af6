import { type ComponentChildren, h } from "preact";
import { time } from "../lib/format.js";
import type { DatabaseReadiness } from "../lib/types.js";
import { chip } from "./parts.js";

const TONE = { refuses: "bad", loses: "bad", slows: "wait", warns: "" } as const;

/** Whether the databases are ready to move, before anybody depends on it: each finding with its meaning and its cure. */
export function readinessPanel({ standing, at, findings, why }: DatabaseReadiness): ComponentChildren {
  if (standing === "none") return h("p", { class: "empty" }, "No database moves with this application.");
  if (standing === "past")
    return h("p", { class: "empty" }, "Writes are stopped, or the new database was promoted: readiness was a question of before.");
  if (standing === "unknown") return h("p", { class: "empty" }, `It is not known whether the databases are ready: ${why ?? "no answer"}`);
  const when = h("p", { class: "quiet" }, `Looked at ${time(at)}, and again every 30 minutes until the go; what refuses holds it.`);
  if (findings.length === 0) return h("div", { class: "stack" }, h("p", { class: "empty" }, "Nothing speaks against the move."), when);
  return h(
    "div",
    { class: "stack" },
    when,
    h(
      "ul",
      { class: "columns" },
      findings.map((f) =>
        h(
          "li",
          { class: "card risk", key: `${f.kind} ${f.what} ${f.means}` },
          h("h3", { class: "row" }, f.what, chip(f.kind, TONE[f.kind])),
          h("p", null, `${f.means}.`),
          h("p", { class: "quiet" }, "Mend it: ", h("code", null, f.cure)),
        ),
      ),
    ),
  );
}
