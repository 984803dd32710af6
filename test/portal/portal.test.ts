import { readFile } from "node:fs/promises";
import { expect } from "chai";
import type { Access } from "../../src/access/access.js";
import { makeLocalToken } from "../../src/access/localToken.js";
import { known } from "../../src/ports/observations.js";
import { startServer } from "../../src/server.js";
import { STACK } from "../automation/model.js";
import { chromiumForSuite, openPage } from "../support/chromium.js";
import { afterThisTest } from "../support/cleanup.js";
import { type ModelPortal, openModelPortal } from "./model.js";

describe("the portal's page", function () {
  // A browser on a busy machine.
  this.timeout(90_000);
  const browser = chromiumForSuite();
  let portal: ModelPortal;
  const access: Access = { local: makeLocalToken({ namesPeople: true }) };
  beforeEach(async () => {
    portal = await openModelPortal({ access });
    await portal.goTo("traffic.dns-100");
  });
  afterEach(() => portal.close());

  const open = async (address = `#/${STACK}`) => {
    const opened = await openPage(browser(), portal.entrance);
    await opened.page.goto(`${portal.server.url}/${address}`);
    await opened.page
      .getByText(/How we would come back|Now or next/)
      .first()
      .waitFor();
    return opened;
  };
  const status = (page: Awaited<ReturnType<typeof open>>["page"], word: string) =>
    page.locator(`[data-status="${word}"]`).first().waitFor();

  it("hears of what others do without being asked, and of what it missed after the service was away", async () => {
    const { page, close } = await open();
    await status(page, "ready");
    await portal.migrations.command(STACK, { command: "pause", why: "a look" }, "ben");
    await status(page, "paused");

    await portal.server.close();
    await page.getByText("Not live").waitFor();
    await page.getByText("The service does not answer.").waitFor();
    await portal.migrations.command(STACK, { command: "rollback", revision: 0, why: "meanwhile" }, "ben");
    await portal.migrations.settled(STACK);
    const again = await startServer({
      migrations: portal.migrations,
      access,
      port: Number(new URL(portal.server.url).port),
      log: () => undefined,
    });
    afterThisTest(() => again.close());
    await page.getByText("Live", { exact: true }).waitFor();
    await status(page, "held");
    await page.getByText("Went back to revision 0: meanwhile").first().waitFor();
    await page.getByText("The service does not answer.").waitFor({ state: "detached" });
    await close();
  });

  it("shows signals that move while the journal stands still", async () => {
    const { page, close } = await open();
    const { world } = portal;
    const legend = page.locator(".legend li", { hasText: "new side" }).first();
    await legend.getByText("0.1 %").waitFor();
    world.faults = { ...world.faults, reading: (name, side) => (name === "error-rate" && side === "new" ? known(0.031) : undefined) };
    world.now += 20_000;
    await legend.getByText("3.1 %").waitFor({ timeout: 60_000 });
    await close();
  });

  it("keeps what somebody is typing while events come in", async () => {
    const { page, close } = await open();
    await page.getByLabel("Acting as").pressSequentially("car");
    await portal.migrations.command(STACK, { command: "pause", why: "a look" }, "ben");
    await status(page, "paused");
    await page.getByLabel("Acting as").pressSequentially("la");
    expect(await page.getByLabel("Acting as").inputValue()).to.equal("carla");
    await close();
  });

  it("keeps the focus where somebody is typing while the dialog fills", async () => {
    const { page, close } = await open();
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route("**/way-back?*", (route) => held.then(() => route.continue()));
    await page.getByRole("button", { name: "Roll back…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Why").click();
    await page.keyboard.type("the phone ");
    answer();
    await dialog.getByText("Loses nothing.").waitFor();
    await page.keyboard.type("rang");
    expect(await dialog.getByLabel("Why").inputValue()).to.equal("the phone rang");
    await close();
  });

  it("leaves what is unfolded, scrolled and typed as it is while events come in", async () => {
    const { page, close } = await openPage(browser(), portal.entrance, { size: "phone" });
    await page.setViewportSize({ width: 375, height: 480 });
    await page.goto(`${portal.server.url}/#/${STACK}`);
    await page.getByRole("button", { name: "Emergency: users back now" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Without cutover: set the weights by hand").click();
    const why = dialog.getByLabel("Why");
    await why.pressSequentially("the phone ");
    const body = dialog.getByRole("group", { name: "What it will do" });
    const scrolled = await body.evaluate((e) => {
      e.scrollTop = e.scrollHeight / 8;
      return e.scrollTop;
    });
    expect(scrolled).to.be.above(0);
    await portal.migrations.command(STACK, { command: "pause", why: "a look" }, "ben");
    await page.locator('[data-status="paused"]').first().waitFor({ state: "attached" });
    expect(await body.evaluate((e) => e.scrollTop)).to.equal(scrolled);
    expect(await dialog.locator("details").evaluate((e) => e.hasAttribute("open"))).to.equal(true);
    await page.keyboard.type("rang");
    expect(await why.inputValue()).to.equal("the phone rang");
    await close();
  });

  it("puts the person's name and reason into the journal, and filters it", async () => {
    const { page, close } = await open();
    await page.getByLabel("Acting as").fill("carla");
    await page.getByLabel("Acting as").press("Enter");
    await page.getByRole("button", { name: "Roll back…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Why").fill("the phone rang");
    await dialog.getByText("Loses nothing.").waitFor();
    await dialog.getByRole("button", { name: "Roll back", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await portal.migrations.settled(STACK);
    await page.getByRole("tab", { name: "Journal" }).click();
    await page.getByLabel("About").selectOption("people");
    await page.getByLabel("With the words").fill("phone");
    await page.getByText("1 of ").waitFor();
    const row = page.getByRole("row").last();
    expect(await row.innerText())
      .to.contain("rollback")
      .and.contain("the phone rang")
      .and.contain("carla");
    await close();
  });

  it("changes a threshold of a running migration, and shows why it does not take a wrong one", async () => {
    const { page, close } = await open(`#/${STACK}/overview`);
    await page.getByRole("tab", { name: "Tuning" }).click();
    const field = page.getByLabel("gates.maxErrorRate from now on");
    await field.fill("2");
    await page.getByRole("button", { name: "Change gates.maxErrorRate" }).click();
    await page
      .getByRole("alert")
      .getByText(/gates\.maxErrorRate: got 2/)
      .waitFor();
    await field.fill("0.01");
    await page.getByLabel("Why").fill("stricter tonight");
    await page.getByRole("button", { name: "Change gates.maxErrorRate" }).click();
    await page.getByText("gates.maxErrorRate tuned").waitFor();
    const last = (await portal.migrations.journal(STACK)).findLast((e) => e.type === "command");
    expect(last).to.deep.include({ command: "tune", changes: { "gates.maxErrorRate": 0.01 }, why: "stricter tonight" });
    await close();
  });

  it("offers nothing of what is over but its report, as a file", async () => {
    await portal.migrations.command(STACK, { command: "abort", why: "not this year" }, "ben");
    expect((await portal.migrations.settled(STACK)).status).to.equal("aborted");
    const { page, close } = await openPage(browser(), portal.entrance);
    await page.goto(`${portal.server.url}/#/${STACK}/overview`);
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save the report" }).click()]);
    expect(saved.suggestedFilename()).to.equal(`${STACK}.html`);
    expect(await readFile(await saved.path(), "utf8"))
      .to.match(/^<!doctype html>/i)
      .and.contain("not this year");
    expect(await page.getByRole("group", { name: "Actions" }).count()).to.equal(0);
    await page.getByRole("tab", { name: "Revisions" }).click();
    await page.getByText("All revisions").waitFor();
    expect(await page.getByRole("button", { name: /Roll back/ }).count()).to.equal(0);
    await page.getByRole("tab", { name: "Tuning" }).click();
    await page.getByRole("rowheader", { name: /^gates\.maxErrorRate Highest/ }).waitFor();
    expect(await page.getByRole("tabpanel").getByRole("textbox").count()).to.equal(0);
    await close();
  });

  it("follows the theme that is chosen, also the next time", async () => {
    const { page, close } = await open("#/");
    const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor") as Promise<string>;
    const light = await paper();
    await page.getByLabel("Theme").selectOption("dark");
    const dark = await paper();
    expect(dark).to.not.equal(light);
    await page.reload();
    await page.getByText("Now or next").waitFor();
    expect(await paper()).to.equal(dark);
    await close();
  });
});
