import type { Request } from "express";
import { z } from "zod";
import { issuesOf } from "../config/schema.js";
import { printable, UserError } from "../errors.js";
import { idempotencyKey } from "./schemas/common.js";

/** The checked body of a request; an absent one counts as empty. @throws UserError naming each wrong member */
export function bodyOf(request: Request, schema: z.ZodType): unknown {
  const body: unknown = request.body === undefined ? {} : request.body;
  if (schema instanceof z.ZodObject && (typeof body !== "object" || body === null || Array.isArray(body)))
    throw new UserError({ path: "body", got: printable(body), accepted: "a JSON object" });
  return checked("body", body, schema);
}

/** The checked parameters of the path. @throws UserError */
export const paramsOf = (request: Request, schema: z.ZodObject): unknown =>
  checked("path", numbersIn(request.params as Record<string, unknown>, schema), schema);

/** The checked query; what is not described is refused, since a misspelled name would be ignored. @throws UserError */
export const queryOf = (request: Request, schema: z.ZodObject): unknown =>
  checked("query", numbersIn({ ...request.query }, schema), schema);

/** The checked `Idempotency-Key`. @throws UserError */
export const idempotencyKeyOf = (request: Request): string | undefined =>
  checked("header", { "idempotency-key": request.get("idempotency-key") }, z.object({ "idempotency-key": idempotencyKey.optional() }))[
    "idempotency-key"
  ];

function checked<T extends z.ZodType>(where: string, value: unknown, schema: T): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const keys = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(", ") : "";
  throw new UserError(
    issuesOf(result.error, value).map((i) => ({
      ...i,
      path: `${where}.${i.path}`,
      ...(i.got === "an unknown key" ? { accepted: keys === "" ? "no members" : `one of ${keys}` } : {}),
    })),
  );
}

/** As JSON writes numbers. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** An address has only texts: those that stand where a number belongs are read as one. */
function numbersIn(given: Record<string, unknown>, schema: z.ZodObject): Record<string, unknown> {
  const read = (name: string, value: unknown): unknown =>
    typeof value === "string" && NUMBER.test(value) && isNumber(schema.shape[name]) ? Number(value) : value;
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, read(name, value)]));
}

function isNumber(schema: z.core.$ZodType | undefined): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return isNumber(schema.def.innerType);
  return schema instanceof z.ZodNumber;
}
