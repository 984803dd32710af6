import { type ComponentChildren, h } from "preact";
import { duration, exact, stopwatch } from "../lib/format.js";
import type { Migration, Moment } from "../lib/types.js";
import { isOver } from "./actions.js";
import { chip, PHASE_NAMES, STATUS, type Tone } from "./parts.js";

/** What a moment says, and how far the target's clock has gone since it was said. */
export interface Clocked {
  moment: Moment;
  /** The target's time now. */
  now: number;
}

const HEALTH: Record<Moment["health"]["state"], { word: string; tone: Tone }> = {
  healthy: { word: "Healthy", tone: "good" },
  unhealthy: { word: "Unhealthy", tone: "bad" },
  unknown: { word: "Health unknown", tone: "wait" },
};

/** What one needs to know in three seconds: where it is, whether it is well, what is next, how long since, how to stop it. */
export function answers(m: Migration, clocked: Clocked | undefined, live: boolean): ComponentChildren {
  const answer = (name: string, ...content: ComponentChildren[]): ComponentChildren =>
    h("div", { key: name }, h("dt", null, name), h("dd", null, ...content));
  return h(
    "dl",
    { class: "answers" },
    answer("Where", `${PHASE_NAMES[m.phase] ?? m.phase}, ${m.done} of ${m.steps} steps done`),
    isOver(m) ? false : answer("Health", ...health(clocked, live)),
    answer("Next", next(m)),
    answer("Since", since(m, clocked)),
    isOver(m) ? false : answer("To stop", stops(m)),
  );
}

function health(clocked: Clocked | undefined, live: boolean): ComponentChildren[] {
  // What was read before says nothing about now.
  if (!live) return [chip(HEALTH.unknown.word, HEALTH.unknown.tone), h("span", { class: "small quiet" }, "the service does not answer")];
  if (clocked === undefined) return [h("span", { class: "quiet" }, "Asking…")];
  const { state, why } = clocked.moment.health;
  return [chip(HEALTH[state].word, HEALTH[state].tone), h("span", { class: "small quiet" }, why)];
}

function next(m: Migration): ComponentChildren {
  if (m.status === "completed") return "Nothing: everything is done.";
  if (m.status === "aborted") return "Nothing: it was aborted.";
  if (m.status === "returning") return m.returning?.items[m.returning.done] ?? "The end of the way back";
  if (m.status === "approval") return m.step?.asks ?? "A person's decision";
  if (m.status === "held") return "A person reads why, then resumes or goes back.";
  const [first, second] = m.ahead.run;
  if (m.status === "running") return second?.title ?? m.ahead.stopsAt?.asks ?? "The end of the plan";
  return first?.title ?? m.ahead.stopsAt?.asks ?? "The end of the plan";
}

function since(m: Migration, clocked: Clocked | undefined): ComponentChildren {
  const { word } = STATUS[m.status];
  if (clocked === undefined) return word;
  const { statusSince } = clocked.moment;
  const long = clocked.now - statusSince;
  return [`${word} for ${duration(Math.max(0, long))}`, h("span", { class: "small quiet" }, `since ${exact(statusSince)}`)];
}

/** In the words of the buttons. */
function stops({ allowed, status }: Migration): ComponentChildren {
  const ways = [
    ...(allowed.emergency.offered ? ["Emergency: users back now"] : []),
    ...(allowed.pause.offered && status === "running" ? ["Pause: what runs finishes, nothing further begins"] : []),
    ...(allowed.rollback.offered ? ["Roll back"] : allowed.abort.offered ? ["Abort"] : []),
  ];
  if (ways.length === 0) return allowed.pause.offered ? "Pause" : "Nothing can be stopped now.";
  return ways.map((way) => h("span", { key: way, class: "way-out" }, way));
}

/** How long users could not write, of how long they may not: a clock while it runs. */
export function writePause(clocked: Clocked | undefined, m: Migration): ComponentChildren {
  const pause = clocked?.moment.writePause;
  if (clocked === undefined || pause === undefined) return false;
  const { since: from, promotionAt, endedAt, budgetMs } = pause;
  const spent = Math.max(0, (endedAt ?? clocked.now) - from);
  const counted = Math.max(0, (promotionAt ?? endedAt ?? clocked.now) - from);
  const over = counted > budgetMs;
  const budget = `${duration(counted)} of the ${duration(budgetMs)} accepted until the promotion began`;
  if (endedAt !== undefined)
    return (
      m.phase === "database" &&
      h("p", { class: over ? "reason bad" : "reason", key: "pause" }, `Users could not write for ${duration(spent)}: ${budget}.`)
    );
  const left = budgetMs - counted;
  const tone: Tone = over ? "bad" : promotionAt === undefined && left < budgetMs / 4 ? "wait" : "run";
  return h(
    "section",
    { class: "card pause", key: "pause", "aria-label": "Write pause", "data-tone": tone },
    h("p", { class: "eyebrow" }, "Users cannot write"),
    h(
      "p",
      { class: "clock", role: "timer" },
      h("b", null, stopwatch(spent)),
      promotionAt === undefined ? h("span", { class: "quiet" }, ` of ${stopwatch(budgetMs)}`) : false,
    ),
    h("p", null, promotionAt === undefined ? leftOf(left) : `The promotion has begun: the way is forward. It took ${budget}.`),
    promotionAt === undefined ? meter(counted / budgetMs) : false,
  );
}

const leftOf = (left: number): string =>
  left < 0
    ? `Over its budget by ${duration(-left)}: it goes back automatically.`
    : `${duration(left)} left until the promotion must begin; over it, everything goes back automatically.`;

/** The step that runs: how long, of how long, and what the engine is at. */
export function underWay(clocked: Clocked | undefined): ComponentChildren {
  if (clocked === undefined) return false;
  const { step, resources } = clocked.moment;
  if (step === undefined && resources.length === 0) return false;
  const spent = step === undefined ? 0 : Math.max(0, clocked.now - step.since);
  return h(
    "div",
    { class: "under-way", key: "under-way" },
    step === undefined
      ? false
      : h(
          "p",
          { class: "small" },
          `Running for ${duration(spent)}`,
          h(
            "span",
            { class: "quiet" },
            step.expectedMs === undefined
              ? "; how long it takes is not known"
              : `; expected: about ${duration(step.expectedMs)}, ${step.expectedFrom}`,
          ),
        ),
    step?.expectedMs === undefined ? false : meter(spent / step.expectedMs),
    resources.length === 0
      ? false
      : h(
          "ul",
          { class: "resources", "aria-label": "The engine is at" },
          resources
            .slice(0, SHOWN)
            .map((r) =>
              h(
                "li",
                { key: `${r.type} ${r.name}` },
                h("b", null, r.op),
                " ",
                h("code", null, r.name),
                h("span", { class: "quiet small" }, ` ${r.type}, for ${duration(r.forMs)}`),
              ),
            ),
          resources.length > SHOWN ? h("li", { key: "more", class: "quiet small" }, `and ${resources.length - SHOWN} more`) : false,
        ),
  );
}
const SHOWN = 6;

/** The words beside it say the same. */
const meter = (share: number): ComponentChildren =>
  h("span", { class: "meter", "aria-hidden": "true" }, h("span", { style: { width: `${Math.min(100, Math.round(share * 100))}%` } }));
