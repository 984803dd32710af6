import { expect } from "chai";
import type { z } from "zod";
import { PROBLEMS } from "../../src/http/problems.js";
import { routes } from "../../src/http/routes/index.js";
import type { Route } from "../../src/http/routes/route.js";
import { problem } from "../../src/http/schemas/common.js";

export interface Answer {
  method: string;
  /** With its query. */
  path: string;
  status: number;
  contentType: string | null;
  /** The parsed body, where it is JSON. */
  body: unknown;
}

/** Requires that an answer is what its route's description says: status, media type, and each member. */
export function expectConforming(answer: Answer): void {
  const { status, contentType, body } = answer;
  const where = `${answer.method} ${answer.path} → ${status}`;
  const route = routeOf(answer);
  if (route === undefined) return;
  const usual = status === (route.answer.status ?? 200);
  const type = usual ? (route.answer.type ?? "application/json") : "application/problem+json";
  expect(contentType?.split(";")[0], where).to.equal(type);
  if (!usual) {
    expect(documented(route), where).to.include(status);
    expectExactly(problem, body, where);
  } else if (route.answer.type === undefined) expectExactly(route.answer.schema, body, where);
}

/** What a schema does not know it leaves out: an answer that comes through unchanged has no undescribed member. */
function expectExactly(schema: z.ZodType, body: unknown, where: string): void {
  // Members that may be anything come through as undefined where there are none.
  const described = JSON.stringify(schema.parse(body));
  expect(JSON.parse(described), `${where}: has members that are not described`).to.deep.equal(body);
}

function routeOf({ method, path }: Answer): Route | undefined {
  const name = path.split("?")[0] ?? "";
  const fits = (r: Route) => new RegExp(`^${r.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(name);
  const found = routes.filter(fits);
  return found.find((r) => r.method === method.toLowerCase()) ?? found[0];
}

const documented = ({ problems = [] }: Route): number[] => [
  ...problems,
  ...Object.keys(PROBLEMS)
    .map(Number)
    .filter((s) => ![404, 409, 422].includes(s)),
];
