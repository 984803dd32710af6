import { expect } from "chai";
import type { Page } from "playwright-core";
import { startServer } from "../../src/server.js";
import { chromiumForSuite, expectAccessible, openPage, picture } from "../support/chromium.js";
import { afterThisTest } from "../support/cleanup.js";
import { inSandbox } from "../support/sandbox.js";

const STAGING = "web-api-staging";
const STACK = "web-api-production";
const MINUTES = 60_000;

describe("a whole migration in the portal", () => {
  const browser = chromiumForSuite();

  it("goes through every phase by its buttons on the real engine, with a rollback and an emergency on the way", async function () {
    this.timeout(20 * MINUTES);
    await inSandbox(
      this,
      "portal-night",
      async ({ migrations, sandbox }) => {
        const server = await startServer({ migrations, port: 0, log: () => undefined });
        afterThisTest(() => server.close());
        await migrations.create(STAGING, "ana");
        // [people-16] the engine's events, as they come from the thread that runs it.
        const engineAt = new Set<string>();
        const look = setInterval(() => migrations.underWay(STAGING).forEach((r) => void engineAt.add(r.type)), 20);
        afterThisTest(() => clearInterval(look));
        await migrations.command(STAGING, { command: "advance", extent: "end" }, "ana");
        await migrations.settled(STAGING);
        clearInterval(look);
        expect([...engineAt].join(" "), "resources under way").to.contain("kubernetes:");
        expect(migrations.underWay(STAGING), "none is left").to.deep.equal([]);
        await migrations.create(STACK, "ana");

        const { page, complaints, close } = await openPage(browser(), `${server.url}/?token=${server.token}`);
        await page.getByRole("link", { name: "web-api" }).last().click();
        const night = person(page, () => migrations.settled(STACK).then((s) => s.status));

        // Two people: the one who advances cannot approve the point of no return.
        await night.as("ana");
        expect(await night.advance("To the end")).to.equal("approval");
        for (const asked of [/risks and their mitigations/, /maintenance window agreed/]) {
          await page.getByText(asked).first().waitFor();
          expect(await night.approve()).to.equal("approval");
        }

        await page.getByText("May writes to prod-db be stopped, prod-db-replica be promoted").first().waitFor();
        await page.getByRole("button", { name: "Approve…" }).click();
        const dialog = page.getByRole("dialog");
        await dialog.getByText("replicateSourceDb").waitFor();
        await picture(page, "portal-approval");
        await dialog.getByRole("button", { name: "Approve", exact: true }).click();
        await dialog.getByText("needs a second person").waitFor();
        await page.keyboard.press("Escape");
        await night.as("ben");
        expect(await night.approve()).to.equal("approval");

        // Held ready with its gates watched, until a person says go: the last moment before writes stop.
        await page.getByText("Go: may writes stop and the cutover run?").first().waitFor();
        await page.getByText("replica-lag").first().waitFor();
        await picture(page, "portal-held-ready");
        await page.getByRole("button", { name: "Go…" }).click();
        const send = dialog.getByRole("button", { name: "Go", exact: true });
        await send.waitFor();
        expect(await send.isDisabled(), "a point of no return asks for the name").to.equal(true);
        await dialog.getByLabel(/Type web-api/).fill("web-api");
        await dialog.locator("button:enabled", { hasText: "Go" }).waitFor();
        await picture(page, "portal-point-of-no-return");
        await page.keyboard.press("Escape");
        expect(await night.approve("web-api", "Go")).to.equal("approval");

        // The new side answers errors at 25 %: it goes back automatically, and says why.
        await page
          .getByText(/webhooks and other third-party/)
          .first()
          .waitFor();
        expect(await night.approve()).to.equal("held");
        await page
          .getByText(/Went back to revision \d+: traffic.dns-25: error-rate/)
          .first()
          .waitFor();
        await page.getByLabel("Window").selectOption("traffic");
        await page.waitForTimeout(800);
        await picture(page, "portal-rollback", true);
        await expectAccessible(page, "a held migration");

        // A rollback by hand, to the revision before users moved, and forward again.
        await night.as("ana");
        expect(await night.rollBack(/Create the new side's DNS record/)).to.equal("held");
        expect((await migrations.get(STACK)).state.revisions.at(-1)?.restores).to.be.a("number");
        await night.resume();
        while ((await weight(migrations)) < 50) expect(await night.advance("The next step")).to.equal("ready");

        await page.getByRole("button", { name: "Emergency: users back now" }).click();
        await dialog.getByText("Users go to the old side at once").waitFor();
        await picture(page, "portal-emergency");
        await dialog.getByRole("button", { name: "Send users back…" }).click();
        const confirm = dialog.getByRole("button", { name: "Yes, send all users to the old side now" });
        expect(await confirm.isDisabled(), "a double click is no decision").to.equal(true);
        await confirm.click();
        await dialog.waitFor({ state: "detached" });
        expect((await migrations.settled(STACK)).status).to.equal("held");
        expect(await weight(migrations)).to.equal(0);
        await page.getByText("0 % new").first().waitFor();

        // Forward to the end, the removal of the old side by name and by the second person.
        await night.resume();
        expect(await night.advance("To the end")).to.equal("approval");
        await page.getByText("Remove the listed old infrastructure for good?").first().waitFor();
        await night.as("ben");
        expect(await night.approve("web-api", "Approve the removal")).to.equal("completed");
        await page.getByText("Everything is done.").first().waitFor();
        expect(await sandbox.violations(STACK)).to.deep.equal([]);

        await page.waitForTimeout(800);
        await picture(page, "portal-migration");
        for (const [tab, name] of [
          ["Checklists", "portal-checklists"],
          ["Journal", "portal-journal"],
          ["Revisions", "portal-revisions"],
          ["Risks", "portal-risks"],
          ["Costs", "portal-costs"],
          ["30/60/90 days", "portal-goals"],
        ] as const) {
          await page.getByRole("tab", { name: tab }).click();
          await page.getByRole("tabpanel").getByText("Loading…").waitFor({ state: "detached" });
          await page.waitForTimeout(200);
          await picture(page, name);
        }
        const boxes = await page
          .getByRole("tab", { name: "Checklists" })
          .click()
          .then(() => page.locator(".ticks li:not(.done)").count());
        expect(boxes, "lines of the guide's checklists that no evidence ticks").to.equal(0);
        expect(complaints).to.deep.equal([]);
        await close();
      },
      { faults: { [STACK]: ["errors@25%"] } },
    );
  });
});

const weight = async (migrations: Parameters<typeof startServer>[0]["migrations"]): Promise<number> => {
  const { state } = await migrations.get(STACK);
  const dns = state.revisions.find((r) => r.number === state.revision)?.config["cutover:dns"] as { weights?: { new: number } } | undefined;
  return dns?.weights?.new ?? 0;
};

/** What a person does with the page; each action waits until nothing runs any more and answers the status. */
function person(page: Page, settled: () => Promise<string>) {
  const dialog = page.getByRole("dialog");
  const confirm = async (label: string): Promise<string> => {
    await dialog.getByRole("button", { name: label, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    const status = await settled();
    // The page hears of it automatically.
    await page.locator(`cutover-migration [data-status="${status}"]`).waitFor();
    return status;
  };
  return {
    as: async (name: string): Promise<void> => {
      await page.getByLabel("Acting as").fill(name);
      await page.getByLabel("Acting as").press("Enter");
    },
    advance: async (extent: string): Promise<string> => {
      await page.getByRole("button", { name: "Advance…" }).click();
      await dialog.getByText(extent, { exact: true }).click();
      await dialog.getByText("Asking the engine").waitFor({ state: "detached" });
      const name = dialog.getByLabel(/Type web-api/);
      if ((await name.count()) > 0) await name.fill("web-api");
      return confirm("Advance");
    },
    approve: async (name?: string, answer = "Approve"): Promise<string> => {
      await page.getByRole("button", { name: `${answer}…` }).click();
      if (name !== undefined) await dialog.getByLabel(/Type web-api/).fill(name);
      return confirm(answer);
    },
    rollBack: async (to: RegExp): Promise<string> => {
      await page.getByRole("button", { name: "Roll back…" }).click();
      const choice = dialog.getByLabel("Back to");
      const value = await choice.locator("option", { hasText: to }).first().getAttribute("value");
      await choice.selectOption(value);
      await dialog.getByText("Working out").waitFor({ state: "detached" });
      await dialog.getByLabel("Why").fill("a rehearsed rollback");
      return confirm("Roll back");
    },
    resume: async (): Promise<void> => {
      await page.getByRole("button", { name: "Resume…" }).click();
      await confirm("Resume");
    },
  };
}
