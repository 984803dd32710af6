import { expect } from "chai";
import { STACK } from "../automation/model.js";
import { chromiumForSuite, expectAccessible, expectDialogAccessible, openPage } from "../support/chromium.js";
import { type ModelPortal, openModelPortal } from "./model.js";

const VIEWS = ["overview", "steps", "journal", "revisions", "checklists", "risks", "readiness", "costs", "tuning", "goals"];

describe("accessibility of the portal", function () {
  // A browser on a busy machine.
  this.timeout(90_000);
  const browser = chromiumForSuite();
  let portal: ModelPortal;
  beforeEach(async () => {
    portal = await openModelPortal();
    await portal.goTo("traffic.dns-100");
  });
  afterEach(() => portal.close());

  for (const size of ["desk", "phone"] as const) {
    for (const scheme of ["light", "dark"] as const) {
      it(`axe finds nothing in any view: ${scheme}, ${size}`, async () => {
        const { page, complaints, close } = await openPage(browser(), portal.entrance, { scheme, size });
        await page.getByRole("link", { name: "web-api" }).first().waitFor();
        await expectAccessible(page, "the fleet");
        for (const view of VIEWS) {
          await page.goto(`${portal.server.url}/#/${STACK}/${view}`);
          await page.getByRole("tabpanel").getByText("Loading…").waitFor({ state: "detached" });
          if (view === "readiness") await page.getByRole("tabpanel").getByText("REFRESH MATERIALIZED VIEW public.sums").waitFor();
          await page.waitForTimeout(150);
          await expectAccessible(page, view);
          const wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
          expect(wide, `${view} is wider than the page`).to.be.at.most(0);
        }
        await page.goto(`${portal.server.url}/#/~rehearsals`);
        await page.getByText("No rehearsal was made yet.").waitFor();
        await expectAccessible(page, "the rehearsals");
        expect(complaints).to.deep.equal([]);
        await close();
      }).timeout(120_000);
    }
  }

  it("axe finds nothing in any dialog, light and dark, and Escape gives the focus back", async () => {
    const { migrations, world } = portal;
    const { page, close } = await openPage(browser(), portal.entrance, { size: "phone" });
    await page.goto(`${portal.server.url}/#/${STACK}`);
    const expectGood = async (...names: string[]): Promise<void> => {
      for (const name of names) {
        const opener = page.getByRole("button", { name });
        await opener.click();
        const dialog = page.getByRole("dialog");
        await dialog.waitFor();
        await dialog.getByText(/Asking the engine|Working out/).waitFor({ state: "detached" });
        await expectDialogAccessible(page, name);
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "detached" });
        const focused = await opener.evaluate((e) => (e.getRootNode() as unknown as { activeElement: unknown }).activeElement === e);
        expect(focused, name).to.equal(true);
      }
    };
    await expectGood("Advance…", "What will it change?", "Roll back…", "Abort…", "Emergency: users back now", "Pause…");

    // Held still while it watches its gates.
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.beforeSleep = () => held;
    await migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
    await expectGood("Pause…");
    await migrations.command(STACK, { command: "pause", why: "a look" }, "alice");
    release();
    await migrations.settled(STACK);
    await expectGood("Resume…");
    await migrations.command(STACK, { command: "resume" }, "alice");
    await migrations.settled(STACK);
    await portal.goTo("cleanup.approve");
    await migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
    await migrations.settled(STACK);
    await expectGood("Approve the removal…", "Refuse…");
    await close();
  });

  it("axe finds nothing on the page that asks for a token, which has its style before anybody is let in", async () => {
    const { page, complaints, close } = await openPage(browser(), portal.server.url, { scheme: "dark" });
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await expectAccessible(page, "the sign-in page");
    await page.getByLabel("Token").fill(String(portal.server.token));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "web-api" }).first().waitFor();
    expect(complaints).to.deep.equal([]);
    await close();
  });

  it("the tabs follow the arrow keys, and everything can be reached without a mouse", async () => {
    const { page, close } = await openPage(browser(), portal.entrance);
    await page.goto(`${portal.server.url}/#/${STACK}`);
    await page.getByRole("tab", { name: "Overview" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: "Steps", selected: true }).waitFor();
    await page.keyboard.press("End");
    await page.getByRole("tab", { name: "30/60/90 days", selected: true }).waitFor();
    expect(page.url()).to.contain(`#/${STACK}/goals`);
    await page.keyboard.press("Home");
    await page.getByRole("button", { name: "Advance…" }).press("Enter");
    await page.getByRole("dialog").getByText("What will run").waitFor();
    await page.keyboard.press("Escape");
    await close();
  });
});
