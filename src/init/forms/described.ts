import type { z } from "zod";
import { WEB } from "../../config/processes.js";
import type * as s from "../../config/sections.js";
import { redactText } from "../../lib/redact.js";

/** What files that say how an application runs (compose files, Procfiles, units, values) tell of it, in the stack config's own terms. */

/** What a pod is told, as it will stand in `workload` or in an entry of `processes`. */
export type Pod = Omit<z.input<typeof s.workload>, "deployed" | "image" | "web" | "once" | "metrics">;
export type Probe = NonNullable<NonNullable<Pod["probes"]>["liveness"]>;
export type Role = "web" | "service" | "worker" | "singleton" | "schedule" | "release";

export interface DescribedProcess {
  /** Its name in `processes`; `web` for the web process. */
  name: string;
  role: Role;
  /** @default the application's own image */
  image?: string;
  /** Of an image that is built beside the application's own: what it is called, where nobody told where it lies. */
  builtAs?: string;
  pod: Pod;
  /** Of a role `schedule`. */
  schedule?: { schedule: string; timeZone?: string };
}

/** PostgreSQL that the application names. */
export interface DescribedDatabase {
  /** Where it answers, when that is an instance of RDS. */
  endpoint?: string;
  name?: string;
  user?: string;
  /** Forms of its connection beyond the ready ones, by the key of the secret. */
  forms: Record<string, string>;
}

export interface Described {
  processes: DescribedProcess[];
  /** Names of persistent folders that processes mount. */
  volumes: string[];
  /** What keeps data outside `database`. */
  stores: { kind: string; name: string }[];
  database?: DescribedDatabase;
  /** Hosts by which users reach it. */
  hosts: string[];
}

/** Adds stores that are not among them. */
export function addStores(stores: Described["stores"], more: Described["stores"]): void {
  for (const store of more) if (!stores.some((s) => s.kind === store.kind && s.name === store.name)) stores.push(store);
}

export interface Finding {
  /** Where in which file. */
  at: string;
  what: string;
  /** Stands in the stack configs against a GO until somebody answers it. */
  asks: boolean;
}

/** What was not understood, or not carried over, with its place. Nothing of it holds a credential. */
export class Findings {
  private readonly places = new Map<string, { asks: boolean; places: string[] }>();

  /** @param folder of the files: places are told from there, since stack configs are read on other machines */
  constructor(private readonly folder: string) {}

  /** Something that somebody must decide. */
  ask(at: string, question: string): void {
    this.add(at, question, true);
  }

  /** Something that changes nothing on the new side, or that was read in a way worth knowing. */
  note(at: string, what: string): void {
    this.add(at, what, false);
  }

  private add(at: string, what: string, asks: boolean): void {
    const shown = redactText(what);
    const place = redactText(at.startsWith(`${this.folder}/`) ? at.slice(this.folder.length + 1) : at);
    const found = this.places.get(shown);
    if (found === undefined) this.places.set(shown, { asks, places: [place] });
    else if (!found.places.includes(place)) found.places.push(place);
  }

  /** Each once, with all its places. */
  all(): Finding[] {
    return [...this.places].map(([what, { asks, places }]) => ({ at: joined(places), what, asks }));
  }
}

/** Places with their file once. */
function joined(places: string[]): string {
  const file = /^.*?: /.exec(places[0] ?? "")?.[0] ?? "";
  return places.map((p, i) => (i > 0 && p.startsWith(file) ? p.slice(file.length) : p)).join(", ");
}

const LONGEST_NAME = 40;

/** A name as Kubernetes takes it, or undefined where nothing of it is left. */
export function labelOf(text: string, longest = LONGEST_NAME): string | undefined {
  const label = text
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, longest)
    .replace(/-+$/, "");
  return label === "" ? undefined : label;
}

const LONGEST_PROCESS = 20;

/**
 * The names of processes in a stack config, by what a file calls them: `web` for the one that users reach first, and for no other; the
 * application's own name before them says nothing.
 */
export function processNames(application: string, names: readonly string[], web: string | undefined): Map<string, string> {
  const taken = new Set<string>([WEB]);
  const result = new Map<string, string>();
  for (const name of names) {
    const whole = labelOf(name, Number.POSITIVE_INFINITY) ?? "process";
    const label = labelOf(whole.startsWith(`${application}-`) ? whole.slice(application.length + 1) : whole, LONGEST_PROCESS) ?? "process";
    let free = label;
    for (let i = 2; taken.has(free); i += 1) free = `${label.slice(0, LONGEST_PROCESS - 4).replace(/-+$/, "")}-${i}`;
    result.set(name, name === web ? WEB : free);
    if (name !== web) taken.add(free);
  }
  return result;
}

/** A text as the kubelet reads it: `$(NAME)` would be a variable to it, and `$$` one dollar. */
export const literal = (text: string): string => text.replace(/\$(?=[$(])/g, "$$$$");
