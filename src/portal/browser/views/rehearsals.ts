import { type ComponentChildren, h } from "preact";
import { rehearsalAddress } from "../lib/addresses.js";
import { time } from "../lib/format.js";
import type { RehearsalSummary } from "../lib/types.js";
import { chip } from "./parts.js";

export const verdictChip = (verdict: RehearsalSummary["verdict"]): ComponentChildren =>
  verdict === "go" ? chip("go", "good") : chip("no go", "bad");

/** The rehearsals that were made, newest first. */
export function rehearsalList(list: readonly RehearsalSummary[], onChoose: (id: string, event: Event) => void): ComponentChildren {
  if (list.length === 0)
    return h(
      "p",
      { class: "empty" },
      "No rehearsal was made yet. ",
      h("code", null, "cutover rehearse --stack web-api-production"),
      " takes your own stack configs through the sandbox, and leaves one here.",
    );
  return h(
    "ul",
    { class: "stack" },
    list.map((r) =>
      h(
        "li",
        { class: "card", key: r.id },
        h(
          "h2",
          { class: "row section" },
          h("a", { href: rehearsalAddress(r.id), onClick: (e: Event) => onChoose(r.id, e) }, r.stacks.join(", ")),
          verdictChip(r.verdict),
        ),
        h("p", { class: "quiet small" }, time(r.madeAt)),
        r.reasons.map((reason) => h("p", { key: reason, class: "bad" }, reason)),
      ),
    ),
  );
}
