import { UserError } from "../../../errors.js";
import { type Findings, literal, type Probe } from "../described.js";
import { secondsOf } from "../quantities.js";
import { isTree, scalar, shown, type Tree } from "../yamlText.js";

const KNOWN = ["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"];
const OWN_ADDRESS = /(?:(https?):\/\/)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?(\/[^\s"'|;&)]*)?(?=[\s"'|;&)]|$)/;

export interface Health {
  probe: Probe;
  /** On which its HTTP health is asked. */
  port?: number;
}

/** The probe of a healthcheck. @returns undefined where there is none, or none is wanted */
export function readHealth(service: Tree, at: string, findings: Findings): Health | undefined {
  const health = service.healthcheck;
  if (!isTree(health)) return undefined;
  for (const key of Object.keys(health).filter((k) => !KNOWN.includes(k) && !k.startsWith("x-")))
    findings.ask(`${at}.healthcheck.${key}`, "an unknown key, which was not read: what does it do?");
  const { test } = health;
  const words = Array.isArray(test) ? test.map((w) => scalar(w) ?? "") : ["CMD-SHELL", scalar(test) ?? ""];
  const [form, ...rest] = words;
  if (health.disable === true || form === "NONE") return { probe: { kind: "none" } };
  const isShell = form === "CMD-SHELL";
  if ((!isShell && form !== "CMD") || rest.length === 0 || rest.every((w) => w === ""))
    throw new UserError({
      path: `${at}.healthcheck.test`,
      got: shown(test ?? null),
      accepted: '["CMD", …], ["CMD-SHELL", "…"], ["NONE"], or a text',
    });
  const times = timesOf(health, `${at}.healthcheck`);
  const line = rest.join(" ");
  const [, scheme = "http", port = "80", path = "/"] = (/\b(curl|wget|http)\b/.test(line) ? OWN_ADDRESS.exec(line) : null) ?? [
    undefined,
    "none",
  ];
  if (scheme === "http" && !path.includes("$")) {
    if (/[^|]\|[^|]/.test(line))
      findings.note(`${at}.healthcheck`, "its address is asked; that the answer has a certain text is not looked at");
    return { probe: { kind: "http", path, port: Number(port), ...times }, port: Number(port) };
  }
  const command = isShell ? ["/bin/sh", "-c", rest.join(" ")] : rest;
  return { probe: { kind: "exec", command: command.filter((w) => w !== "").map(literal), ...times } };
}

function timesOf(health: Tree, at: string): Probe {
  const whole = (key: string, least: number, most: number): number | undefined => {
    const text = scalar(health[key]);
    if (text === undefined) return undefined;
    const seconds = secondsOf(text);
    if (seconds === undefined) throw new UserError({ path: `${at}.${key}`, got: shown(text), accepted: "a duration, for example 1m30s" });
    return Math.min(most, Math.max(least, Math.ceil(seconds)));
  };
  const retries = scalar(health.retries);
  if (retries !== undefined && !/^\d+$/.test(retries))
    throw new UserError({ path: `${at}.retries`, got: shown(retries), accepted: "a whole number" });
  const [period, timeout, delay] = [whole("interval", 1, 3_600), whole("timeout", 1, 600), whole("start_period", 0, 3_600)];
  return {
    ...(period === undefined ? {} : { periodSeconds: period }),
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    ...(delay === undefined ? {} : { initialDelaySeconds: delay }),
    ...(retries === undefined ? {} : { failureThreshold: Math.min(1_000, Math.max(1, Number(retries))) }),
  };
}
