import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { CutoverClient, type CutoverProblem, pagesOf } from "../../src/client/index.js";
import { projectRoot } from "../../src/engine/engine.js";

/** Whatever begins like a path of the API within a string, a template or an attribute. */
const PATH = /["'`(=}]\/?v1\/\w+/g;
/** The portal's page names the API to people. */
const LINKS = { "index.html": ['"v1/migrations'] };

async function pathsIn(folder: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const paths = (await readFile(join(entry.parentPath, entry.name), "utf8")).match(PATH);
    if (paths !== null) found[entry.name] = paths;
  }
  return found;
}

describe("the one client", () => {
  it("has the paths of the API: command line and portal have none of their own", async () => {
    const src = join(projectRoot(), "src");
    expect(await pathsIn(join(src, "cli"))).to.deep.equal({});
    expect(await pathsIn(join(src, "portal", "browser"))).to.deep.equal(LINKS);
    expect(Object.keys(await pathsIn(join(src, "client")))).to.have.members(["generated.ts"]);
  });

  it("says where an operation's answer is without asking for it", () => {
    const nobody = () => expect.fail("it asked");
    const cutover = new CutoverClient({ url: "https://cutover.test/portal/", fetch: nobody });
    expect(cutover.addressOf((api) => api.getFile("web api", "a/b.txt"))).to.equal(
      "https://cutover.test/portal/v1/migrations/web%20api/files/a%2Fb.txt",
    );
    expect(cutover.addressOf((api) => api.getWayBack("web", { revision: 3 }))).to.match(/\/v1\/migrations\/web\/way-back\?revision=3$/);
  });

  it("reads a list page by page to its end", async () => {
    const places: (number | undefined)[] = [];
    const page = async (after?: number) => {
      places.push(after);
      return { entries: [after ?? 0], ...(places.length < 3 ? { next: places.length * 10 } : {}) };
    };
    const read: number[] = [];
    for await (const { entries } of pagesOf(page)) read.push(...entries);
    expect([places, read]).to.deep.equal([
      [undefined, 10, 20],
      [0, 10, 20],
    ]);
  });

  it("asks for credential and name with each request, sends no empty ones, and tells of each problem", async () => {
    const names = ["ana", ""];
    const tokens = ["one", ""];
    const sent: Record<string, string>[] = [];
    const told: (number | string)[] = [];
    const cutover = new CutoverClient({
      url: "https://cutover.test",
      token: () => tokens.shift() ?? "",
      user: () => names.shift() ?? "",
      retries: 0,
      fetch: async (_, init) => {
        sent.push(Object.fromEntries(new Headers(init?.headers)));
        return Response.json({ title: "Who asks?", detail: "Nobody may." }, { status: 401 });
      },
      onProblem: ({ status, title }) => void told.push(status, title),
    });
    const thrown: string[] = [];
    for (let i = 0; i < 2; i += 1) await cutover.getMe().catch(({ message }: CutoverProblem) => thrown.push(message));
    expect(sent).to.deep.equal([{ authorization: "Bearer one", "x-cutover-user": "ana" }, {}]);
    expect(thrown).to.deep.equal(["Nobody may.", "Nobody may."]);
    expect(told).to.deep.equal([401, "Who asks?", 401, "Who asks?"]);
  });

  it("gives a command a key also where the page has no TLS", async () => {
    const keys: (string | null)[] = [];
    const cutover = new CutoverClient({
      url: "http://cutover.test",
      fetch: async (_, init) => {
        keys.push(new Headers(init?.headers).get("idempotency-key"));
        return Response.json({});
      },
    });
    Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
    try {
      await cutover.pause("web");
      await cutover.pause("web");
    } finally {
      Reflect.deleteProperty(crypto, "randomUUID");
    }
    expect(keys.map((key) => /^[0-9a-f]{32}$/.test(key ?? ""))).to.deep.equal([true, true]);
    expect(new Set(keys).size).to.equal(2);
  });
});
