import { join } from "node:path";
import { expect } from "chai";
import type { Page } from "playwright-core";
import { Migrations } from "../../src/automation/migrations.js";
import { currentConfig } from "../../src/automation/state/state.js";
import { folderProject } from "../../src/cli/project.js";
import { projectRoot } from "../../src/engine/engine.js";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { startServer } from "../../src/server.js";
import { chromiumForSuite, expectAccessible, openPage, picture } from "../support/chromium.js";
import { afterThisTest } from "../support/cleanup.js";
import { peopleOf } from "../support/people.js";
import { inSandbox } from "../support/sandbox.js";

const STAGING = "admin-portal-staging";
const STACK = "admin-portal-production";

describe("a canary in the portal", () => {
  const browser = chromiumForSuite();

  it("is taken through its weights by ending its pauses, aborted on the way, and begun again, on the real engine", async function () {
    this.timeout(600_000);
    await inSandbox(this, "portal-canary", async (open) => {
      const clock = new HeldClock();
      const migrations = over(open, clock);
      await peopleOf(migrations, STAGING)
        .standBefore("optimize.cost")
        .catch(() => undefined);
      await peopleOf(migrations, STACK).standBefore("rollout.canary");
      const server = await startServer({ migrations, port: 0, log: () => undefined });
      afterThisTest(async () => {
        clock.release();
        await server.close();
        await migrations.close();
      });
      const { page, complaints, close } = await openPage(browser(), `${server.url}/?token=${server.token}`);
      await page.goto(`${server.url}/#/${STACK}`);

      clock.hold();
      await press(page, "Advance…", "Advance");
      await weight(page, clock, 20);
      await page.getByRole("button", { name: "End this pause…" }).click();
      await page.getByRole("dialog").getByText("goes to its next weight without waiting").waitFor();
      await expectAccessible(page, "the end of a pause");
      await page.keyboard.press("Escape");
      await press(page, "End this pause…", "End this pause");
      await weight(page, clock, 40);
      await picture(page, "portal-canary");

      // Back at once: the stable pods carry everything, and the earlier image is applied.
      await page.getByRole("button", { name: "Roll back…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("The canary is aborted at once").waitFor();
      await dialog.getByRole("button", { name: "Roll back", exact: true }).click();
      clock.release();
      expect((await migrations.settled(STACK)).status).to.equal("held");
      const effects = (await open.sandbox.effects(STACK)).map((e) => e.kind);
      expect(effects.slice(-2)).to.deep.equal(["argo:Abort", "kubernetes:Rollout:Update"]);
      await page.locator('cutover-migration [data-status="held"]').waitFor();

      clock.hold();
      await press(page, "Resume…", "Resume");
      for (const percent of [20, 40, 60, 80]) {
        await weight(page, clock, percent);
        await press(page, "End this pause…", "End this pause");
      }
      await weight(page, clock, 100);
      clock.release();
      const { status, heldReason, ...state } = await migrations.settled(STACK);
      expect(status, heldReason).to.equal("ready");
      expect(currentConfig({ status, ...state }).workload.image).to.contain("admin-portal:1.1.0");
      expect((await open.sandbox.effects(STACK)).filter((e) => e.kind === "argo:Promote")).to.have.length(5);
      expect(await open.sandbox.violations(STACK)).to.deep.equal([]);
      expect(complaints).to.deep.equal([]);
      await close();
    });
  });
});

/** A clock that waits while it is held, so that a person has the pauses of a canary to act in. */
class HeldClock {
  private gate: { open: () => void; opened: Promise<void> } | undefined;

  hold(): void {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.gate = { open, opened };
  }

  release(): void {
    this.gate?.open();
    this.gate = undefined;
  }

  /** Lets what waits now go on to its next look, and holds again. */
  step(): void {
    const { gate } = this;
    this.hold();
    gate?.open();
  }

  async wait(signal?: AbortSignal): Promise<void> {
    const woken = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([this.gate?.opened, woken]);
  }
}

/** The sandbox's service, but with the clock in the test's hand. */
const over = ({ store, driver, sandbox, project }: OpenSandbox, held: HeldClock): Migrations =>
  new Migrations({
    store,
    driver,
    openTarget: async (stack, config) => {
      const target = await sandbox.target(stack, config);
      const { clock } = target;
      const sleepUntil: typeof clock.sleepUntil = async (until, signal) => {
        await held.wait(signal);
        await clock.sleepUntil(until, signal);
      };
      return { ...target, clock: { now: () => clock.now(), sleepUntil } };
    },
    project: folderProject(join(projectRoot(), "stacks")),
    stacksFolder: project.stacksFolder,
  });

async function press(page: Page, action: string, confirm: string): Promise<void> {
  await page.getByRole("button", { name: action }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Asking the engine").waitFor({ state: "detached" });
  await dialog.getByRole("button", { name: confirm, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

/** Goes on, look by look, until the portal shows the canary at a weight. */
async function weight(page: Page, clock: HeldClock, percent: number): Promise<void> {
  const shown = page.getByText(new RegExp(`shown by the load balancer\\s*${percent} %`)).first();
  while (!(await shown.isVisible())) {
    clock.step();
    // Looks at once instead of every 15 s.
    for (const name of ["Steps", "Overview"]) await page.getByRole("tab", { name }).click();
    await page.waitForTimeout(600);
  }
}
