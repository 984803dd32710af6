import type { Migration, Step } from "../lib/types.js";
import { type Action, answerOf } from "./actions.js";
import type { DialogState, Extent } from "./dialogState.js";

/** Or as far as it was advanced before. */
type Reach = Extent | "goal";

const TITLE: Record<Exclude<Action, "approve">, string> = {
  advance: "Advance",
  refuse: "Refuse",
  pause: "Pause",
  resume: "Resume",
  rollback: "Roll back",
  abort: "Abort the migration",
  emergency: "Emergency: send users back",
  promote: "End this pause",
  preview: "What the next step will change",
  edit: "Apply the edit",
};

/** What a person does by this action on this migration, as the dialog's title says it. */
export const titleOf = (action: Action, m: Migration): string => (action === "approve" ? answerOf(m) : TITLE[action]);

/** The names that an approval of what is held for its losses must say. */
export const lostNames = (action: Action, { losses = [] }: Migration): string[] =>
  action === "approve" ? [...new Set(losses.map((l) => l.name))] : [];

/** The steps that an extent runs before the next decision of a person, which it stops at; the service worked them out. Pure. */
export function ahead({ ahead: { run, stopsAt, reach } }: Migration, extent: Reach): { run: Coming[]; stopsAt?: { asks: string } } {
  const end = reach[extent];
  return { run: run.slice(0, end), ...(stopsAt === undefined || end <= run.length ? {} : { stopsAt }) };
}
type Coming = Migration["ahead"]["run"][number];

/** Whether the application's name must be typed: what follows cannot be undone. Pure. */
export function asksForName(state: DialogState, m: Migration, steps: readonly Step[]): boolean {
  switch (state.action) {
    case "advance":
      return crosses(m, state.extent);
    case "approve": {
      const step = steps.find((s) => s.id === m.step?.id);
      return step?.pointOfNoReturn === true || crosses(m, "goal");
    }
    case "resume":
      return crosses(m, "goal");
    case "rollback":
      return state.way !== undefined && (state.way.crossesPointOfNoReturn || state.way.loses.length > 0);
    case "abort":
      return true;
    default:
      return false;
  }
}

/**
 * What going on means, above the field for the name: that it cannot be undone only where nothing leads back.
 * Undefined where no name is asked for. Pure.
 */
export function gravity(state: DialogState, m: Migration, steps: readonly Step[]): string | undefined {
  if (!asksForName(state, m, steps)) return undefined;
  if (state.action === "abort") return "The migration ends for good.";
  if (state.action === "rollback") {
    const loses = state.way?.loses ?? [];
    return loses.length > 0 ? `It loses ${loses.join("; ")}.` : "It goes back over a point of no return.";
  }
  const own = state.action === "approve" ? steps.filter((s) => s.id === m.step?.id && s.pointOfNoReturn) : [];
  const ways = [...own, ...ahead(m, state.action === "advance" ? state.extent : "goal").run].flatMap((s) => s.wayBack ?? []);
  if (ways.some((w) => w.none === true)) return "This cannot be undone.";
  const loss = ways.find((w) => w.loses !== "nothing")?.loses;
  return `Once this has run, the way back is another one${loss === undefined ? "" : ` and may lose ${loss}`}.`;
}

const crosses = (m: Migration, extent: Reach): boolean => ahead(m, extent).run.some((s) => s.pointOfNoReturn === true);
