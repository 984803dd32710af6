import { z } from "zod";
import { collectReport } from "../../report/collect.js";
import { REPORT_POLICY, renderHtml } from "../../report/html.js";
import { renderMarkdown } from "../../report/markdown.js";
import { ofStack } from "../schemas/common.js";
import { report } from "../schemas/report.js";
import { route } from "./route.js";

const common = {
  method: "get",
  tag: "history",
  needs: "viewer",
  params: ofStack,
  problems: [404, 409, 422],
} as const;

export const reportRoutes = [
  route({
    ...common,
    name: "getReport",
    path: "/v1/migrations/{stack}/report",
    summary: "Reports on a migration: steps, weights, gates with values, decisions, rollbacks, costs, verification.",
    answer: { schema: report, what: "The report" },
    handle: ({ params: { stack }, services: { migrations } }) => collectReport(migrations, [stack]),
  }),
  route({
    ...common,
    name: "getReportPage",
    path: "/v1/migrations/{stack}/report.html",
    summary: "The report as one HTML file without anything outside it.",
    answer: { type: "text/html", schema: z.string(), what: "The page" },
    handle: async ({ params: { stack }, services: { migrations }, response }) => {
      const page = renderHtml(await collectReport(migrations, [stack]));
      response.set("Content-Security-Policy", `${REPORT_POLICY}; frame-ancestors 'self'`).type("text/html").send(page);
      return undefined;
    },
  }),
  route({
    ...common,
    name: "getReportMarkdown",
    path: "/v1/migrations/{stack}/report.md",
    summary: "The report as Markdown.",
    answer: { type: "text/markdown", schema: z.string(), what: "The text" },
    handle: async ({ params: { stack }, services: { migrations }, response }) => {
      response.type("text/markdown").send(renderMarkdown(await collectReport(migrations, [stack])));
      return undefined;
    },
  }),
];
