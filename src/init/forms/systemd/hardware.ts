import { REPLACE } from "../../placeholders.js";
import type { Findings, Pod } from "../described.js";
import { fitted, memoryOf, secondsOf } from "../quantities.js";
import { one, type Unit } from "./unit.js";

/** User, folders, resources and time to stop. */
export function hardware(unit: Unit, findings: Findings): Pod {
  const user = one(unit, "Service.User");
  const id = Number(user?.value);
  if (user !== undefined && !(id > 0 && id <= 65_535))
    findings.ask(user.at, `the user ${user.value} is the old machine's: which number has the image's (workload.runAsUser)?`);
  const folder = one(unit, "Service.WorkingDirectory");
  if (folder !== undefined)
    findings.ask(folder.at, `${folder.value} was not carried over: is it the working folder of the image (WORKDIR)?`);
  const folders = (["State", "Cache", "Logs"] as const).flatMap((kind) =>
    (unit.settings.get(`Service.${kind}Directory`) ?? []).flatMap(({ value }) =>
      value.split(/\s+/).map((name) => `${{ State: "/var/lib", Cache: "/var/cache", Logs: "/var/log" }[kind]}/${name}`),
    ),
  );
  const kept = one(unit, "Service.StateDirectory");
  if (kept !== undefined)
    findings.ask(kept.at, `/var/lib/${kept.value} keeps data, and is an empty folder in a pod: which volume is it (volumes, mounts)?`);
  const stop = one(unit, "Service.TimeoutStopSec");
  const grace = stop === undefined ? undefined : secondsOf(stop.value);
  if (stop !== undefined && grace === undefined)
    findings.ask(stop.at, `TimeoutStopSec=${stop.value}: how long may it take to stop (terminationGraceSeconds)?`);
  const memory = memoryOf((one(unit, "Service.MemoryMax") ?? one(unit, "Service.MemoryLimit"))?.value ?? "");
  const [, quota] = /^(\d+)%$/.exec(one(unit, "Service.CPUQuota")?.value ?? "") ?? [];
  const resources = fitted({
    limits: { ...(memory === undefined ? {} : { memory }), ...(quota === undefined ? {} : { cpu: `${Number(quota) * 10}m` }) },
  });
  const capabilities = (unit.settings.get("Service.AmbientCapabilities") ?? []).flatMap(({ value }) =>
    value.split(/\s+/).map((c) => c.replace(/^CAP_/, "")),
  );
  const paths = [...new Set(folders)].filter((f) => /^(\/[A-Za-z0-9._-]+)+$/.test(f) && !f.includes(REPLACE));
  return {
    ...(id > 0 && id <= 65_535 ? { runAsUser: id } : {}),
    ...(paths.length === 0 ? {} : { writablePaths: paths }),
    ...(grace === undefined ? {} : { terminationGraceSeconds: Math.min(7_200, Math.max(1, Math.ceil(grace))) }),
    ...(resources === undefined ? {} : { resources }),
    ...(capabilities.length === 0 ? {} : { security: { capabilities: capabilities.filter((c) => /^[A-Z][A-Z_]+$/.test(c)) } }),
  };
}
