import type { Request, Response } from "express";
import type { z } from "zod";
import type { Caller, PartOfScope, Role } from "../../access/caller.js";
import type { Migrations } from "../../automation/migrations.js";
import type { Operations } from "../../operations/operations.js";
import type { Sampler } from "../../readModels/sampler.js";
import type { ProgressStream } from "../stream.js";

/** What the routes of one service share. */
export interface Services {
  migrations: Migrations;
  stream: ProgressStream;
  /** Both sides' signals over time, between what the journal keeps. */
  sampler: Sampler;
  /** Folder of the rehearsals; absent where there are none. */
  rehearsals?: string | undefined;
  /** Whether it is ready, and what it measures; absent where it is mounted into another service. */
  operations?: Pick<Operations, "readiness" | "metrics"> | undefined;
  /** The OpenAPI document of all routes. */
  document: OpenApiDocument;
}

export interface OpenApiDocument {
  openapi: string;
  [member: string]: unknown;
}

/** What a handler gets: everything checked, and who asks. */
export interface Context<P = unknown, Q = unknown, B = unknown> {
  params: P;
  query: Q;
  body: B;
  caller: Caller;
  /** The key of a repeatable request, when the sender gave one. */
  idempotencyKey?: string;
  /** Whether the caller may see what belongs to that application and environment, or to it in any: for lists over many. */
  sees: (scope: PartOfScope) => boolean;
  services: Services;
  request: Request;
  response: Response;
}

export type Status = 200 | 201 | 202;

/** Problems that a route may answer with, beside those that every route may. */
export type ProblemStatus = 404 | 409 | 422;

interface Description<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType, R extends z.ZodType> {
  /** The operation's id in OpenAPI, and the method's name in the typed client. */
  name: string;
  method: "get" | "post";
  /** As OpenAPI writes it: `/v1/migrations/{stack}/plan`. */
  path: `/${string}`;
  tag: string;
  /** One sentence for people. */
  summary: string;
  /** The least role, for the stack that the request is about, or anywhere when it is about none. `nobody` asks for no credential. */
  needs: Role | "nobody";
  /** The stack that the request is about. @default the parameter `stack` of the path, when there is one */
  about?: (request: { params: z.output<P>; body: z.output<B> }) => string;
  params?: P;
  query?: Q;
  /** Absent when it takes none. */
  body?: B;
  /** Bytes of the largest body. @default 64 kB */
  largestBody?: number;
  /** Whether it tells of all applications at once: the role must then hold for every one. @default false */
  ofAll?: boolean;
  /** Whether a known sender's signature over the body is a credential too. @default false */
  signed?: boolean;
  /** Whether it takes the header `Idempotency-Key`: sent again, it is done once. */
  repeatable?: boolean;
  /** What is answered when all is well. */
  answer: {
    /** @default 200 */
    status?: Status;
    /** @default "application/json" */
    type?: string;
    schema: R;
    what: string;
  };
  problems?: readonly ProblemStatus[];
  /** Answers the body. Routes of other types than JSON write to `response` themselves and answer nothing. */
  handle: (context: Context<z.output<P>, z.output<Q>, z.output<B>>) => Promise<z.input<R> | undefined>;
}

/** A route as the router and the OpenAPI document read it, its types forgotten. */
export interface Route extends Omit<Description<z.ZodObject, z.ZodObject, z.ZodType, z.ZodType>, "handle" | "about"> {
  // biome-ignore lint/suspicious/noExplicitAny: `route` has checked it against the schemas
  handle: (context: Context<any, any, any>) => Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  about?: (request: { params: any; body: any }) => string;
}

/** Describes one route, once: the router, the OpenAPI document and the typed client are made from it. */
export function route<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType, R extends z.ZodType>(
  description: Description<P, Q, B, R>,
): Route {
  return description as unknown as Route;
}

/** Names of the parameters in a path. */
export const parametersIn = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
