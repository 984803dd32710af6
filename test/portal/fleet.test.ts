import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import type { Access } from "../../src/access/access.js";
import { makeLocalToken } from "../../src/access/localToken.js";
import { patched } from "../../src/config/stackFile.js";
import { RAW, STACK } from "../automation/model.js";
import { chromiumForSuite, expectAccessible, openPage, picture } from "../support/chromium.js";
import { type ModelPortal, openModelPortal } from "./model.js";

const NOT_BEGUN = "web-api-trial";

describe("the fleet in the portal", function () {
  // A browser on a busy machine.
  this.timeout(90_000);
  const browser = chromiumForSuite();
  let portal: ModelPortal;
  const access: Access = { local: makeLocalToken({ namesPeople: true }) };
  beforeEach(async () => {
    portal = await openModelPortal({ access });
    const trial = patched(RAW, { "application.environment": "trial" });
    await writeFile(join(portal.folder, `Pulumi.${NOT_BEGUN}.yaml`), stringify({ config: trial }));
    await writeFile(
      join(portal.folder, "Pulumi.broken-staging.yaml"),
      stringify({ config: { "cutover:application": { name: "broken" } } }),
    );
    await portal.goTo("traffic.dns-100");
  });
  afterEach(() => portal.close());

  const open = async (address = "#/") => {
    const opened = await openPage(browser(), portal.entrance);
    await opened.page.goto(`${portal.server.url}/${address}`);
    return opened;
  };

  const linkOf = (page: Awaited<ReturnType<typeof open>>["page"], stack: string) => page.locator(`a[href="#/${stack}"]`);

  it("[people-18] lists what has not begun and what is wrong in its file, and a button begins it", async () => {
    const { page, close } = await open();
    await page.getByText("application.environment").waitFor();
    await page.getByRole("button", { name: `Begin ${NOT_BEGUN}` }).click();
    await page.getByRole("dialog").getByText("1 will be begun.").waitFor();
    await page.getByRole("button", { name: "Begin 1 migration" }).click();
    await page.getByRole("dialog").getByText("1 of 1 begun.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await linkOf(page, NOT_BEGUN).waitFor();
    await page.getByRole("button", { name: `Begin ${NOT_BEGUN}` }).waitFor({ state: "detached" });
    expect((await portal.migrations.list()).map((m) => m.stack).sort()).to.deep.equal([STACK, "web-api-staging", NOT_BEGUN].sort());
    await picture(page, "fleet-not-begun");
    await close();
  });

  it("[people-18] offers no beginning to who may only look", async () => {
    const { page, close } = await open();
    await page.getByRole("button", { name: `Begin ${NOT_BEGUN}` }).waitFor();
    await page.evaluate('document.querySelector("cutover-fleet").setAttribute("actions", "off")');
    await page.getByText(`cutover advance ${NOT_BEGUN}`).waitFor();
    expect(await page.getByRole("button", { name: /^Begin/ }).count()).to.equal(0);
    await close();
  });

  it("[people-18] shows what needs a person first; tiles filter, groups fold, and the tab's icon says it", async () => {
    const { page, close } = await open();
    const icon = () => page.locator("link[rel=icon]").getAttribute("href");
    await page
      .getByRole("button", { name: "Wave 1" })
      .or(page.getByRole("button", { name: "All applications" }))
      .waitFor();
    expect(await icon()).to.equal("icon.svg");
    await portal.migrations.command(STACK, { command: "pause", why: "a look" }, "ben");
    const first = page.getByRole("button", { name: "Needs a person", exact: true });
    await first.waitFor();
    expect(await icon()).to.equal("icon-wait.svg");
    expect(await page.locator("tbody").first().innerText()).to.contain("Needs a person");

    const row = linkOf(page, STACK);
    await first.click();
    await row.waitFor({ state: "detached" });
    await first.click();
    await row.waitFor();
    await page.getByRole("button", { name: /running now/ }).click();
    await page.getByText("Nothing matches the filter.").waitFor();
    await page.getByRole("button", { name: /needs a person/ }).click();
    await row.waitFor();
    await expectAccessible(page, "the fleet with a filter");
    await close();
  });

  it("[people-18] has keys and a sheet of them that takes them off, and none while somebody types", async () => {
    const { page, close } = await open(`#/${STACK}`);
    await page
      .getByText(/How we would come back|Now or next/)
      .first()
      .waitFor();
    await page.keyboard.press("n");
    await page.locator('[role="tab"][aria-selected="true"]', { hasText: "Steps" }).waitFor();
    await page.keyboard.press("f");
    const filter = page.getByPlaceholder("Filter by name");
    await filter.waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("rf?");
    expect(await filter.inputValue()).to.equal("rf?");
    expect(new URL(page.url()).hash).to.equal("#/?q=rf%3F");
    await page.getByRole("button", { name: "Keys" }).click();
    await page.getByLabel("Keys work").uncheck();
    await expectAccessible(page, "the sheet of keys");
    await page.getByRole("button", { name: "Close" }).click();
    await page.keyboard.press("r");
    expect(new URL(page.url()).hash).to.equal("#/?q=rf%3F");
    await close();
  });

  it("[people-18] says what each value of a tuning means and accepts; the journal shows a stretch of time", async () => {
    const { page, close } = await open(`#/${STACK}/tuning`);
    const row = page.getByRole("row", { name: /gates\.maxErrorRate / }).first();
    await row.getByText("Highest fraction of requests answered 5xx. Accepted: a number from 0 to 1.").waitFor();
    for (const path of await page.getByRole("rowheader").allInnerTexts()) expect(path).to.contain("Accepted: ");
    await picture(page, "tuning");
    await page.getByRole("tab", { name: "Journal" }).click();
    const entries = await portal.migrations.journal(STACK);
    const from = Math.ceil((entries[3]?.at ?? 0) / 1_000) * 1_000;
    const within = entries.filter((e) => e.at >= from).length;
    await page.getByLabel("From (UTC)").fill(new Date(from).toISOString().slice(0, 19));
    await page.getByText(`${within} of ${entries.length} entries`).waitFor();
    await page.getByLabel("To (UTC)").fill("2000-01-01T00:00:00");
    await page.getByText(`0 of ${entries.length} entries`).waitFor();
    await close();
  });
});
