import { execFile } from "node:child_process";
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import type { Recorded } from "../../src/automation/journal/entries.js";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { fold } from "../../src/automation/state/evolve.js";
import { currentConfig } from "../../src/automation/state/state.js";
import { renderHtml } from "../../src/report/html.js";
import { renderMarkdown } from "../../src/report/markdown.js";
import { buildReport, type Report } from "../../src/report/report.js";
import { STACK } from "../automation/model.js";
import { type ModelService, modelService } from "../cli/service.js";
import { expectConforming } from "../http/conforming.js";
import { requirePart } from "../support/parts.js";
import { tempFolder } from "../support/tmp.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

describe("the report of a migration", function () {
  this.timeout(120_000);
  let service: ModelService;
  let entries: Recorded[];

  /** A migration on its way through the traffic, with a person's reason that looks like markup. */
  before(async () => {
    service = await modelService();
    const { migrations } = service;
    await migrations.create(STACK, "alice");
    for (let i = 0; i < 150; i += 1) {
      const { state, plan } = await migrations.get(STACK);
      if (state.steps["traffic.dns-25"]?.status === "done") break;
      const step = plan[state.position];
      if (state.status === "approval") await migrations.command(STACK, { command: "approve", step: step?.id ?? "" }, "bob");
      else await migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
      await migrations.settled(STACK);
    }
    const revision = (await migrations.get(STACK)).state.revision - 1;
    await migrations.command(STACK, { command: "rollback", revision, why: "<b>errors</b> & more" }, "alice");
    await migrations.settled(STACK);
    entries = await migrations.journal(STACK);
  });
  after(() => service.close());

  const report = (faults: string[] = []): Report => {
    const plan = buildPlan(currentConfig(fold(entries.slice(0, 1), [])));
    return buildReport([{ stack: STACK, plan, entries, verification: { at: Date.UTC(2026, 5, 1), faults } }]);
  };

  it("tells who decided what, what was judged by which values, what went back, and whether the journal is whole", () => {
    const [m] = report().migrations;
    expect(m?.decisions.map((d) => [d.who, d.what])).to.deep.include(["bob", "approve"]);
    expect(m?.decisions.at(-1)).to.deep.include({ who: "alice", what: "rollback", why: "<b>errors</b> & more" });
    const judged = m?.judgements.find((j) => j.step === "traffic.dns-25")?.gates.find((g) => g.gate === "dns-weight");
    expect(judged).to.include({ accepts: "25 % shown by the authoritative name servers", verdict: "pass", last: 25 });
    expect(m?.rollbacks).to.have.length(1);
    expect(m?.verification).to.deep.include({ faults: [], entries: entries.length, head: entries.at(-1)?.hash });
    expect(m?.timeline[0]?.text).to.contain("Begun by alice");
    expect(m?.timeline.map((t) => t.seq)).to.deep.equal([...(m?.timeline ?? [])].map((t) => t.seq).sort((a, b) => a - b));
  });

  it("is one HTML file that loads nothing, runs nothing, and quotes what people wrote as text", () => {
    const html = renderHtml(report());
    expect(html).to.not.match(/<script|<link|<img|<iframe|\bsrc=|@import|url\(|\son\w+=|\sstyle=/i);
    expect([...html.matchAll(/\bhref="([^"]*)"/g)].every(([, to]) => to?.startsWith("#"))).to.equal(true);
    expect(html).to.contain("&lt;b>errors&lt;/b> &amp; more").and.not.contain("<b>errors");
    expect(html).to.contain("default-src 'none'");
    // Each chart is named and described, and its values can be read as a table.
    const charts = html.match(/<svg /g)?.length ?? 0;
    expect(charts).to.be.at.least(1);
    expect(html.match(/role="img" aria-labelledby=/g)).to.have.length(charts);
    expect(html.match(/<summary>Values/g)).to.have.length(charts);
    const ids = [...html.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it("says the same in Markdown, and does not hide a broken journal", () => {
    const markdown = renderMarkdown(report(["entry 7 was changed"]));
    for (const part of ["### Approvals and commands", "### Gates", "1 faults on 2026-06-01 00:00 UTC: entry 7 was changed."])
      expect(markdown).to.contain(part);
    expect(renderHtml(report(["entry 7 was changed"]))).to.contain('<p class="failed">1 faults:</p>');
  });

  it("is fetched with cutover report, as HTML, Markdown and JSON", async () => {
    const folder = tempFolder("report");
    const { code, stdout, stderr } = await service.run(["report", STACK, "--out", folder, "--format", "html", "markdown", "json"]);
    expect(code, stderr).to.equal(0);
    const files = ["html", "md", "json"].map((e) => join(folder, `${STACK}-report.${e}`));
    expect(stdout).to.equal(`${files.join("\n")}\n`);
    const printed = await service.run(["report", STACK, "--out", "-", "--format", "json"]);
    expect((JSON.parse(printed.stdout) as Report).migrations[0]?.verification?.faults).to.deep.equal([]);
    const answer = await fetch(`${service.url}/v1/migrations/${STACK}/report.html`, {
      headers: { authorization: `Bearer ${service.token}` },
    });
    expect(answer.headers.get("content-security-policy")).to.match(/^default-src 'none'; style-src 'sha256-/);
  });

  it("is described by the API to its last member", async () => {
    const answer = await fetch(`${service.url}/v1/migrations/${STACK}/report`, { headers: { authorization: `Bearer ${service.token}` } });
    const contentType = answer.headers.get("content-type");
    expectConforming({
      method: "GET",
      path: `/v1/migrations/${STACK}/report`,
      status: answer.status,
      contentType,
      body: await answer.json(),
    });
  });

  it("keeps its own content security policy in a real browser, and prints", async function () {
    const found = await access(CHROMIUM).then(
      () => true,
      () => false,
    );
    requirePart(this, "Chromium", found, "apt-get install chromium");
    const folder = tempFolder("browser");
    const page = join(folder, "report.html");
    await writeFile(page, renderHtml(report()));
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${join(folder, "profile")}`, "--enable-logging=stderr"];
    const run = promisify(execFile);
    const { stdout, stderr } = await run(CHROMIUM, [...flags, "--dump-dom", pathToFileURL(page).href], { maxBuffer: 1 << 26 });
    expect(stdout).to.contain(`<h2 id="${STACK}">`);
    expect(stderr).to.not.match(/Content Security Policy|Refused to/);
    const pdf = join(folder, "report.pdf");
    await run(CHROMIUM, [...flags, `--print-to-pdf=${pdf}`, pathToFileURL(page).href]);
    await access(pdf);
  });
});
