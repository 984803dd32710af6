import { expect } from "chai";
import type { Page } from "playwright-core";
import { currentConfig } from "../../src/automation/state/state.js";
import { known, unknown } from "../../src/ports/observations.js";
import { byHand as byHandOf } from "../../src/readModels/byHand.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { chromiumForSuite, expectAccessible, expectDialogAccessible, openPage, picture } from "../support/chromium.js";
import { afterThisTest } from "../support/cleanup.js";
import { type ModelPortal, openModelPortal } from "./model.js";

/** Elements that scroll inside one that scrolls already, down the page. */
const NESTED_SCROLLERS = `(() => {
  const scrolls = (e) => e.scrollHeight > e.clientHeight + 1 && ["auto", "scroll"].includes(getComputedStyle(e).overflowY);
  const root = document.querySelector("cutover-migration").shadowRoot;
  const dialog = root.querySelector("dialog");
  return [dialog, ...dialog.querySelectorAll("*")].filter(scrolls).map((e) => e.className || e.tagName);
})()`;

describe("the night, in the portal", function () {
  // A browser on a busy machine.
  this.timeout(120_000);
  const browser = chromiumForSuite();
  let portal: ModelPortal;
  afterEach(() => portal.close().catch(() => undefined));

  async function open(size: "desk" | "phone" = "desk") {
    const opened = await openPage(browser(), portal.entrance, { size });
    if (size === "desk") await opened.page.setViewportSize({ width: 1440, height: 900 });
    await opened.page.goto(`${portal.server.url}/#/${STACK}`);
    await opened.page.getByRole("region", { name: "Now" }).waitFor();
    return { ...opened, card: opened.page.getByRole("region", { name: "Now" }) };
  }
  const expectFits = async (page: Page): Promise<void> => {
    const wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    expect(wide, "wider than the page").to.be.at.most(0);
  };

  it("[people-13] after an emergency the first card says what it was, by whom and when, and offers no second one", async () => {
    portal = await openModelPortal();
    await portal.goTo("traffic.dns-100");
    const { page, card, complaints, close } = await open();
    await page.getByRole("button", { name: "Emergency: users back now" }).waitFor();
    await portal.migrations.command(STACK, { command: "emergency", why: "errors at the till" }, "ana");
    await portal.migrations.settled(STACK);
    await page.locator('cutover-migration [data-status="held"]').waitFor();
    expect(await page.title(), "what a tab says that is not looked at").to.equal(`Held: ${STACK} · cutover`);
    await card.getByText(/^Emergency by ana on 5 Jan 2026, \d\d:\d\d:\d\d UTC$/).waitFor();
    await card.getByText("errors at the till", { exact: true }).waitFor();
    await card.getByText(/^Back at revision \d+ since 5 Jan 2026/).waitFor();
    await card.getByText("The far side shows it: 100 % old, 0 % new.").waitFor();
    await page.getByRole("tab", { name: "Journal" }).click();
    await page
      .getByRole("tabpanel")
      .getByText(/^5 Jan 2026, \d\d:\d\d:\d\d UTC$/)
      .first()
      .waitFor();
    await page.getByRole("tab", { name: "Overview" }).click();
    await card.getByText("errors at the till", { exact: true }).waitFor();
    expect(await card.locator(".gates li").count(), "readings of the step before it").to.equal(0);
    await page.getByRole("button", { name: "Emergency: users back now" }).waitFor({ state: "detached" });
    const offered = await page.getByRole("group", { name: "Actions" }).getByRole("button").allInnerTexts();
    expect(offered).to.deep.equal(["Resume…", "Roll back…", "Abort…"]);
    await expectAccessible(page, "a migration after an emergency");
    await expectFits(page);
    await picture(page, "portal-after-emergency");
    expect(complaints).to.deep.equal([]);
    await close();
  });

  it("[people-16] the first screen says where, healthy or not, what next, how long since and how to stop; the write pause is a clock", async () => {
    const parts = modelService();
    const underWay = () => [{ name: "prod-db-replica", type: "aws:rds/instance:Instance", op: "update", since: Date.now() - 35_000 }];
    portal = await openModelPortal({}, { ...parts, start: (other) => parts.start({ ...other, driver: { ...parts.driver, underWay } }) });
    await portal.goTo("database.go");
    const { migrations, world } = portal;
    const { page, card, complaints, close } = await open();
    const glance = page.getByRole("region", { name: "At a glance" });
    const answer = (name: string) => glance.locator("dl > div", { hasText: name }).locator("dd");
    await answer("Health").getByText("Healthy").waitFor();
    await answer("Health").getByText("error rate of the old side 0.1 %").waitFor();
    await answer("Where")
      .getByText(/^Database, \d+ of \d+ steps done$/)
      .waitFor();
    await answer("Since")
      .getByText(/^Ready for /)
      .waitFor();

    // Held still in the write pause, while it waits for the lag of 0.
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    afterThisTest(() => release());
    world.faults = { ...world.faults, reading: (name) => (name === "replica-lag" && !world.oldWrites ? known(3) : undefined) };
    world.beforeSleep = () => (world.oldWrites ? Promise.resolve() : held);
    await migrations.command(STACK, { command: "advance", extent: "end" }, "alice");
    await migrations.settled(STACK);
    await answer("Next").getByText("Go: may writes stop and the cutover run?").waitFor();
    await migrations.command(STACK, { command: "approve", step: "database.go" }, "bob");
    const clock = page.getByRole("region", { name: "Write pause" });
    await clock
      .getByRole("timer")
      .getByText(/^0:\d\d of 1:00$/)
      .waitFor();
    world.now += 50_000;
    await page.locator('section.pause[data-tone="wait"]').waitFor();
    await clock.getByText(/^\d+ s left until the promotion must begin/).waitFor();
    world.now += 20_000;
    await clock.getByText(/^Over its budget by/).waitFor();
    await answer("Since")
      .getByText(/^Running for \d+ min/)
      .waitFor();
    await answer("To stop").getByText("Pause: what runs finishes, nothing further begins").waitFor();
    await card.getByText(/^Running for \d+ min/).waitFor();
    await card.getByRole("list", { name: "The engine is at" }).getByText("prod-db-replica").waitFor();
    await card.getByText(/aws:rds\/instance:Instance, for 3\d s/).waitFor();
    await expectDialogAccessible(page, "a write pause");
    await page.setViewportSize({ width: 390, height: 844 });
    await expectFits(page);
    await picture(page, "portal-write-pause");
    release();
    expect((await migrations.settled(STACK)).status, "over its budget it goes back automatically").to.equal("held");
    await card.getByText(/^Rollback automatically on/).waitFor();
    await clock.waitFor({ state: "detached" });

    // What cannot be measured is not healthy.
    world.faults = { ...world.faults, reading: (name) => (name === "error-rate" ? unknown("Prometheus does not answer") : undefined) };
    world.now += 20_000;
    await answer("Health").getByText("Health unknown").waitFor({ timeout: 60_000 });
    world.faults = { ...world.faults, reading: (name) => (name === "error-rate" ? known(0.2) : undefined) };
    world.now += 20_000;
    await answer("Health").getByText("Unhealthy").waitFor({ timeout: 60_000 });
    await answer("Health").getByText("error rate of the old side is 20 %, at most 5 %").waitFor();
    expect(complaints).to.deep.equal([]);
    await close();
  });

  it("[people-15] without the service a dialog has zone, records and commands; signed out, there is a way to sign in", async () => {
    portal = await openModelPortal();
    await portal.goTo("traffic.dns-100");
    const { page, complaints, close } = await open();
    await page.getByRole("region", { name: "At a glance" }).getByText("Healthy").waitFor();
    await page.getByRole("button", { name: "Emergency: users back now" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Loses nothing.").waitFor();
    const byHand = byHandOf(currentConfig((await portal.migrations.get(STACK)).state));
    await portal.server.close();
    const instead = dialog.getByRole("group", { name: "Without the service" });
    await instead.getByText("The service does not answer. Users are sent back by hand:").waitFor({ timeout: 60_000 });
    expect(await instead.locator("pre").innerText()).to.equal(byHand.join("\n"));
    expect(byHand.join("\n"))
      .to.contain("Z1234567890ABC")
      .and.contain("record old-infra to weight 100")
      .and.contain("change-resource-record-sets");
    expect(await dialog.getByRole("button", { name: "Send users back…" }).isEnabled(), "it may be there again").to.equal(true);
    await expectDialogAccessible(page, "a dialog without the service");
    await page.setViewportSize({ width: 390, height: 844 });
    await expectFits(page);
    await page.keyboard.press("Escape");
    await page.locator("cutover-migration").getByText("Health unknown").waitFor();
    await page.getByText("Not live").waitFor();
    await page.setViewportSize({ width: 1440, height: 900 });
    // One that was never opened before tells it, too.
    await page.getByRole("button", { name: "Roll back…" }).click();
    await instead.getByText("Z1234567890ABC").first().waitFor();
    expect(complaints).to.deep.equal([]);
    await close();
    await portal.close();

    portal = await openModelPortal();
    await portal.goTo("traffic.dns-100");
    const again = await open();
    await again.page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
    await again.page.context().clearCookies();
    await again.page.getByRole("tab", { name: "Journal" }).click();
    await again.page.getByRole("banner").getByText("Signed out").waitFor();
    expect(await again.page.getByRole("banner").getByText("Live", { exact: true }).count()).to.equal(0);
    await expectAccessible(again.page, "a page that is signed out");
    await again.page.getByRole("link", { name: "Sign in" }).click();
    await again.page.getByLabel("Token").fill(String(portal.server.token));
    await again.page.getByRole("button", { name: "Sign in" }).click();
    await again.page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
    await again.close();
  });

  it("[people-17] dialogs say what they let run, and what cannot be undone, and have one scrollbar", async () => {
    portal = await openModelPortal();
    await portal.goTo("database.approve");
    const { migrations } = portal;
    const { page, complaints, close } = await open();
    const dialog = page.getByRole("dialog");
    const body = dialog.getByRole("group", { name: "What it will do" });

    await migrations.command(STACK, { command: "advance", extent: "end" }, "alice");
    await migrations.settled(STACK);
    await page.getByRole("button", { name: "Approve…" }).click();
    await body.getByText("May writes to prod-db be stopped, prod-db-replica be promoted and both sides be repointed?").waitFor();
    await body.getByText("It must be another person than alice, who advanced.").waitFor();
    await body.getByText("Nothing yet: a person is asked again before anything runs.").waitFor();
    await body.getByText("Asked next: Go: may writes stop and the cutover run?").waitFor();
    expect(await dialog.getByText("cannot be undone").count()).to.equal(0);
    await page.keyboard.press("Escape");
    await migrations.command(STACK, { command: "approve", step: "database.approve" }, "bob");
    await migrations.settled(STACK);

    await page.getByRole("button", { name: "Go…" }).click();
    await body.getByText("Make prod-db refuse writes").waitFor();
    await body.getByText("Then a person is asked: Are webhooks").waitFor();
    await dialog.getByText(/Once this has run, the way back is another one and may lose .* Type web-api to go on/).waitFor();
    expect(await dialog.getByText("cannot be undone").count(), "reverse replication is a way back").to.equal(0);
    await page.setViewportSize({ width: 1440, height: 500 });
    expect(await page.evaluate(NESTED_SCROLLERS), "only the body scrolls").to.deep.equal(["body"]);
    await page.setViewportSize({ width: 1440, height: 900 });
    const nested = (await page.evaluate(NESTED_SCROLLERS)) as string[];
    expect(nested.filter((e) => e !== "body")).to.deep.equal([]);
    await dialog.getByLabel(/Type web-api/).fill("web-api");
    await dialog.getByRole("button", { name: "Go", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await migrations.settled(STACK);

    // It was advanced to the end.
    await portal.goTo("cleanup.approve");
    await page.getByRole("button", { name: "Approve the removal…" }).click();
    await dialog.getByText("This cannot be undone. Type web-api to go on").waitFor();
    await page.keyboard.press("Escape");
    expect(complaints).to.deep.equal([]);
    await close();
  });
});
