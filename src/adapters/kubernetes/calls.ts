import type { Middleware } from "@kubernetes/client-node";
import { orderSignal, requireOrdered } from "../order.js";

const VERBS: Record<string, string> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

/**
 * What a request asks of the API server, as a rule of RBAC has it: `get apps/deployments`, `list /nodes in the cluster`.
 * The group of the core's own resources is empty.
 */
export function callOf(method: string, url: string): string {
  const { pathname, searchParams } = new URL(url);
  const [root, ...rest] = pathname.split("/").filter((part) => part !== "");
  const [group = "", , ...path] = root === "api" ? ["", ...rest] : rest;
  const namespaced = path[0] === "namespaces" && path.length > 2;
  // A namespace itself is authorized in itself, as the API server's request info has it: a Role there is enough.
  const itself = path[0] === "namespaces" && path.length === 2;
  const [resource = "", name, sub] = namespaced ? path.slice(2) : path;
  const looks = searchParams.get("watch") === "true" ? "watch" : name === undefined ? "list" : "get";
  const verb = VERBS[method] ?? looks;
  return `${verb} ${group}/${resource}${sub === undefined ? "" : `/${sub}`}${namespaced || itself ? "" : " in the cluster"}`;
}

/** Gives every request a deadline, notes what it asks, and makes it only while whoever ordered it may. */
export function watched(calls: Set<string>, deadlineMs: number): Middleware {
  return {
    pre: async (request) => {
      calls.add(callOf(request.getHttpMethod(), request.getUrl()));
      await requireOrdered();
      const [signal, late] = [orderSignal(), AbortSignal.timeout(deadlineMs)];
      request.setSignal(signal === undefined ? late : AbortSignal.any([late, signal]));
      return request;
    },
    post: async (response) => response,
  };
}
