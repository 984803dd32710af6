import { expect } from "chai";
import { routes } from "../../src/http/routes/index.js";
import { STACK } from "../automation/model.js";
import { type ModelService, modelService } from "../cli/service.js";
import { peopleOf } from "../support/people.js";
import { expectConforming } from "./conforming.js";

/** Streams, which do not end. */
const ENDLESS = ["events"];

describe("every address that only reads", () => {
  let service: ModelService;
  beforeEach(async () => {
    service = await modelService();
  });
  afterEach(() => service.close());

  const read = async (path: string) => {
    const response = await fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${service.token}` } });
    const text = await response.text();
    const contentType = response.headers.get("content-type");
    const body: unknown = contentType?.includes("json") ? JSON.parse(text) : text;
    expectConforming({ method: "GET", path, status: response.status, contentType, body });
    return { status: response.status, body };
  };
  /** Each address with parameters that exist. */
  const addresses = async (): Promise<string[]> => {
    const { state } = await service.migrations.get(STACK);
    const file = Object.values(state.steps).flatMap((s) => s.files ?? [])[0] ?? "none.md";
    const values: Record<string, string> = { stack: STACK, number: String(state.revision), name: file, id: "none" };
    return routes
      .filter((r) => r.method === "get" && !ENDLESS.includes(r.name))
      .map(
        (r) =>
          r.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "") +
          ("revision" in (r.query?.shape ?? {}) ? "?revision=0" : ""),
      );
  };

  for (const step of ["assess.inventory", "database.approve", "traffic.dns-100", "cleanup.approve"]) {
    it(`answers as it is described, with no member more, before ${step}`, async () => {
      await peopleOf(service.migrations, STACK).standBefore(step);
      const statuses: [string, number][] = [];
      for (const path of await addresses()) statuses.push([path, (await read(path)).status]);
      // What is not there yet, or not kept by this service, says so; all else is there.
      const missing = statuses.filter(([, status]) => status !== 200).map(([path]) => path.split("/").at(-1));
      expect(missing).to.include.members(["metrics"]);
      expect(statuses.length - missing.length).to.be.at.least(20);
    }).timeout(30_000);
  }
});
