import { basename, dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { UserError } from "../../../errors.js";
import { secretSpans } from "../../../lib/secrets.js";
import { requireKey } from "../choose.js";
import { addStores, type Described, type DescribedProcess, type Findings, labelOf, literal, type Pod, processNames } from "../described.js";
import { type GivenFile, readBeside } from "../given.js";
import { roleOf } from "../roles.js";
import { rdsNamedIn, storesNamedIn, VariablePlaces, type Variables } from "../variables.js";
import { plainWords } from "../words.js";
import { hardware } from "./hardware.js";
import { specified } from "./specifiers.js";
import { timesOf } from "./timer.js";
import { one, partsOf, readUnits, type Setting, type Unit } from "./unit.js";

/** Settings that say nothing of what runs in a pod, or that Kubernetes sees to itself. */
const OF_SYSTEMD =
  /^(Unit\.|Install\.|Service\.(Type|Restart\w*|StartLimit\w*|KillMode|KillSignal|SyslogIdentifier|SyslogFacility|StandardOutput|StandardError|StandardInput|PIDFile|RemainAfterExit|TimeoutStartSec|TimeoutSec|NotifyAccess|WatchdogSec|OOMScoreAdjust|OOMPolicy|Nice|Slice|Delegate|Private\w*|Proc\w*|RemoveIPC|ExecReload|NoNewPrivileges|Protect\w*|Restrict\w*|SystemCall\w*|Lock\w*|MemoryDenyWriteExecute|CapabilityBoundingSet|UMask|LimitNOFILE|LimitNPROC|TasksMax|RuntimeDirectory\w*|LogRateLimit\w*|SuccessExitStatus|SendSIGKILL|ReadWritePaths|ReadOnlyPaths|DynamicUser|Accounting|\w+Accounting)$|Timer\.(Unit|Persistent|AccuracySec)$)/;
const READ =
  /^(Service\.(ExecStart|ExecStartPre|Environment|EnvironmentFile|User|Group|WorkingDirectory|TimeoutStopSec|MemoryMax|MemoryLimit|CPUQuota|StateDirectory|CacheDirectory|LogsDirectory|AmbientCapabilities)|Timer\.(OnCalendar|On\w+Sec|RandomizedDelaySec))$/;
/** A port that a command or its variables tell. */
const PORT_WORD = /^(?:--?(?:port|http-port|listen|bind|p|b)(?:=|$))?(?:tcp:\/\/)?(?:\[?[\w.:*-]*\]?:)?(\d{2,5})$/;

interface Part {
  unit: Unit;
  at: string;
  command: string[];
  variables: Variables;
  port: number | undefined;
  timer: Unit | undefined;
}

/** What systemd units say of an application: its services, and the timers that start them. */
export async function readSystemd(
  files: GivenFile[],
  application: string,
  named: string | undefined,
  findings: Findings,
): Promise<Described> {
  const units = readUnits(files);
  const services = units.filter((u) => u.name.endsWith(".service"));
  const timers = units.filter((u) => u.name.endsWith(".timer"));
  const byName = new Map(services.map((u) => [u.name, u]));
  for (const unit of units.filter((u) => !/\.(service|timer)$/.test(u.name)))
    findings.ask(unit.path, "only services and timers are read: what does it start, and is it needed?");
  if (services.length === 0)
    throw new UserError({
      path: files.map((f) => f.path).join(", "),
      got: "no service",
      accepted: "one .service file at least, beside its .timer",
    });
  const started = new Map<string, Unit>();
  for (const timer of timers) {
    const name = one(timer, "Timer.Unit")?.value ?? timer.name.replace(/timer$/, "service");
    if (byName.has(name)) started.set(name, timer);
    else findings.ask(timer.path, `starts ${name}, which was not given: what does it run?`);
  }
  const parts: Part[] = [];
  for (const unit of services) {
    const part = await partOf(unit, started.get(unit.name), files, findings);
    if (part !== undefined) parts.push(part);
  }
  findings.ask(dirname(services[0]?.path ?? "."), "units name no image: under which name and version does the registry have it?");
  const web = webOf(parts, application, named, findings);
  const names = processNames(application, parts.map(calledOf), web === undefined ? undefined : calledOf(web));
  const rds = new Map(parts.flatMap((p) => [...rdsNamedIn(p.variables)]));
  const [host] = [...rds.keys()];
  const places = new VariablePlaces(
    { database: new Set(host === undefined ? [] : [host]), stores: new Set(), processes: new Map() },
    findings,
  );
  const processes = parts.flatMap((p) => processOf(p, p === web, names.get(calledOf(p)) ?? calledOf(p), places, findings));
  const stores: Described["stores"] = [];
  for (const { variables } of parts) addStores(stores, storesNamedIn(variables, new Set(host === undefined ? [] : [host])));
  return {
    processes,
    volumes: [],
    stores,
    hosts: [],
    ...(host === undefined ? {} : { database: { ...rds.get(host), forms: places.forms } }),
  };
}

/** What a process is called by its unit: its instance tells it from its like. */
function calledOf({ unit }: Part): string {
  const { prefix, instance } = partsOf(unit.name);
  return instance === undefined ? prefix : `${prefix}-${instance}`;
}

async function partOf(unit: Unit, timer: Unit | undefined, files: GivenFile[], findings: Findings): Promise<Part | undefined> {
  const at = unit.path;
  for (const of of timer === undefined ? [unit] : [unit, timer])
    for (const [key, [first]] of of.settings) {
      if (first === undefined || READ.test(key)) continue;
      if (OF_SYSTEMD.test(key)) findings.note(`${of.path}: ${key.replace(".", " ")}`, "is systemd's own, and was not carried over");
      else findings.ask(first.at, `${key.split(".")[1]} was not carried over: is it needed?`);
    }
  const starts = unit.settings.get("Service.ExecStart") ?? [];
  if (starts.length !== 1) {
    findings.ask(
      at,
      starts.length === 0
        ? "it has no ExecStart, so it was left out: what does it run?"
        : `it has ${starts.length} commands (ExecStart), of which a process has one, so it was left out: how are they run as one?`,
    );
    return undefined;
  }
  const variables = await variablesOf(unit, files, findings);
  const command = commandOf(starts[0] as Setting, unit, variables, findings);
  return { unit, at, command, variables, port: portOf(command, variables), timer };
}

async function variablesOf(unit: Unit, files: GivenFile[], findings: Findings): Promise<Variables> {
  const variables: Variables = {};
  for (const { value, at } of unit.settings.get("Service.Environment") ?? [])
    for (const word of plainWords(expand(value, unit, at, findings)) ?? []) {
      const place = word.indexOf("=");
      if (place < 1) throw new UserError({ path: at, got: "a word without NAME=", accepted: 'Environment="NAME=value" "OTHER=value"' });
      variables[word.slice(0, place)] = word.slice(place + 1);
    }
  for (const { value, at } of unit.settings.get("Service.EnvironmentFile") ?? []) {
    const path = expand(value.replace(/^-/, ""), unit, at, findings);
    // Absolute on the old machine; people copy it beside the unit.
    const beside = await readBeside(files[0]?.path ?? unit.path, basename(path));
    if (beside === undefined)
      findings.ask(at, `${path} was not read, as it is not beside the unit: which variables does it set? A copy beside the unit is read`);
    else {
      findings.note(join(dirname(unit.path), basename(path)), "was read as a file of variables");
      Object.assign(variables, parseEnv(beside));
    }
  }
  return variables;
}

function expand(text: string, unit: Unit, at: string, findings: Findings): string {
  return specified(text, unit.name, one(unit, "Service.User")?.value, (specifier) => {
    const isInstance = /%[iI]/.test(specifier) && partsOf(unit.name).isTemplate;
    findings.ask(
      at,
      isInstance
        ? `${unit.name} is a template: which instances run (%i)? Give NAME@INSTANCE.service, or fill it in`
        : `${specifier} is known to the machine alone: what is it?`,
    );
  });
}

function commandOf({ value, at }: Setting, unit: Unit, variables: Variables, findings: Findings): string[] {
  const [, prefixes = "", line = ""] = /^([@:+!-]*)\s*(.*)$/s.exec(value) ?? [];
  if (/[+!]/.test(prefixes)) findings.ask(at, `${prefixes} gives the command rights of root: does it need them?`);
  const words = plainWords(expand(line, unit, at, findings));
  if (words === undefined || words.length === 0)
    throw new UserError({
      path: at,
      got: "a command with a quote that is not closed, or operators of a shell",
      accepted: 'a command as systemd runs it; operators only within sh -c "…"',
    });
  // The second word is only what the process calls itself.
  if (prefixes.includes("@")) words.splice(1, 1);
  return words.flatMap((word) => variableIn(word, variables, prefixes.includes(":"), at, findings));
}

/** systemd puts variables into a command as Kubernetes does, and one that is a whole word as several. */
function variableIn(word: string, variables: Variables, plain: boolean, at: string, findings: Findings): string[] {
  const whole = /^\$(\w+)$/.exec(word)?.[1];
  if (plain) return [literal(word)];
  if (whole !== undefined) {
    const value = variables[whole];
    if (value !== undefined && secretSpans(`${whole}=${value}`).length === 0)
      return value
        .split(/\s+/)
        .filter((w) => w !== "")
        .map(literal);
    findings.ask(at, `$${whole} stands for several words, which nobody told: which are they?`);
    return [`$(${whole})`];
  }
  return [
    word
      .split(/(\$\$|\$\{\w+\})/)
      .map((piece) => (piece === "$$" ? "$" : /^\$\{\w+\}$/.test(piece) ? `$(${piece.slice(2, -1)})` : literal(piece)))
      .join(""),
  ];
}

function portOf(command: string[], variables: Variables): number | undefined {
  const told = Number(variables.PORT ?? variables.SERVER_PORT ?? variables.HTTP_PORT);
  if (Number.isInteger(told) && told > 0 && told <= 65_535) return told;
  for (const [i, word] of command.entries()) {
    const isValue = /^--?(port|http-port|listen|bind|p|b)$/.test(command[i - 1] ?? "");
    const port = Number(PORT_WORD.exec(word)?.[1]);
    if ((isValue || /^--?[a-z-]+=|^[\w.[\]*]*:\d+$/.test(word)) && port > 0 && port <= 65_535) return port;
  }
  return undefined;
}

function webOf(parts: Part[], application: string, named: string | undefined, findings: Findings): Part | undefined {
  if (named !== undefined)
    return requireKey(
      "--web",
      named,
      Object.fromEntries(
        parts.flatMap((p) => [
          [p.unit.name, p],
          [partsOf(p.unit.name).prefix, p],
        ]),
      ),
    );
  const possible = parts.filter((p) => p.timer === undefined);
  const listening = possible.filter((p) => p.port !== undefined);
  const usual = [application, `${application}-web`, "web", "app", "server"];
  const byName = usual.map((name) => possible.find((p) => partsOf(p.unit.name).prefix === name)).find((p) => p !== undefined);
  const best = listening.length === 1 ? listening[0] : (listening.find((p) => p === byName) ?? listening[0] ?? byName);
  if (best !== undefined && (best.port === undefined || listening.length > 1))
    findings.ask(best.at, `${best.unit.name} was taken for the web process: is it (--web UNIT)?`);
  return best;
}

function processOf(part: Part, isWeb: boolean, name: string, places: VariablePlaces, findings: Findings): DescribedProcess[] {
  const { unit, at, timer, command, port } = part;
  const { prefix } = partsOf(unit.name);
  const type = one(unit, "Service.Type")?.value;
  const schedule = timer === undefined ? undefined : timesOf(timer, findings);
  if (timer !== undefined && schedule === undefined) return [];
  if (timer === undefined && !isWeb && type === "oneshot") {
    findings.ask(at, `${unit.name} runs to its end and no timer starts it, so it was left out: when does it run (release, schedule)?`);
    return [];
  }
  const role = isWeb
    ? { role: "web" as const }
    : schedule === undefined
      ? roleOf({ name: prefix, command: command.join(" "), listens: port !== undefined })
      : { role: "schedule" as const };
  if ("question" in role && role.question !== undefined) findings.ask(at, role.question);
  const variables = places.place(part.variables, labelOf(prefix) ?? "process", `${at}: Environment`);
  if (/^\/(home|opt|srv|root|usr\/local|var)\//.test(command[0] ?? ""))
    findings.ask(at, `its command is at ${command[0]} on the old machine: is it there in the image?`);
  const before = initContainersOf(part, variables, findings);
  return [
    {
      name,
      role: role.role,
      ...(schedule === undefined ? {} : { schedule }),
      pod: {
        command,
        ...variables,
        ...(port === undefined ? {} : { containerPort: port }),
        ...hardware(unit, findings),
        ...(before.length === 0 ? {} : { initContainers: before }),
      },
    },
  ];
}

function initContainersOf(
  { unit, variables }: Part,
  placed: Pick<Pod, "env" | "secretEnv">,
  findings: Findings,
): NonNullable<Pod["initContainers"]> {
  return (unit.settings.get("Service.ExecStartPre") ?? []).flatMap((setting, i) => {
    const command = commandOf(setting, unit, variables, findings);
    if (setting.value.startsWith("-"))
      findings.ask(setting.at, "its failure is ignored (-), and a container before the process must go well: may it fail?");
    return [{ name: `before-${i + 1}`, command, ...placed }];
  });
}
