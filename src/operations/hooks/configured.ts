import type { Hook, HooksPort } from "../../ports/hooks.js";
import { type HookConfig, isFor, type OperationsConfig } from "../config.js";
import { runHook } from "./commandHook.js";
import { askHook } from "./httpHook.js";

/** The hooks that a configuration names, in its order. */
export function configuredHooks(config: Pick<OperationsConfig, "hooks" | "allowHosts">): HooksPort {
  const hooks = config.hooks.map((hook): { hook: Hook; config: HookConfig } => ({ hook: hookOf(hook, config), config: hook }));
  return {
    at: (moment, of) => hooks.filter((h) => h.config.moments.includes(moment) && isFor(h.config, of)).map((h) => h.hook),
  };
}

function hookOf(config: HookConfig, { allowHosts }: Pick<OperationsConfig, "allowHosts">): Hook {
  const { name, url, command = [], deadlineSeconds, fail } = config;
  return {
    name,
    holds: fail === "hold",
    call: (call, signal) =>
      url === undefined
        ? runHook(command, call, deadlineSeconds * 1_000, signal)
        : askHook({ ...config, url }, call, { allowHosts }, signal),
  };
}
