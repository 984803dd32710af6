import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { type ConfigPatch, patched, type RawConfig, StackFile } from "../../src/config/stackFile.js";
import { known } from "../../src/ports/observations.js";
import { NO_FAULTS, STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { chromiumForSuite, expectDialogAccessible, openPage } from "../support/chromium.js";
import { afterThisTest } from "../support/cleanup.js";
import { openModelPortal } from "./model.js";

describe("what a person edited, and a dead old side, in the portal", function () {
  // A browser on a busy machine.
  this.timeout(120_000);
  const browser = chromiumForSuite();

  async function moved() {
    const parts = modelService();
    const portal = await openModelPortal({}, parts);
    await portal.goTo("traffic.dns-100");
    const { page, complaints, close } = await openPage(browser(), portal.entrance);
    afterThisTest(async () => {
      await close();
      await portal.close();
    });
    return { ...portal, parts, page, complaints };
  }

  it("[safety-7] shows an edit of the stack's file with its preview, refuses by name, and applies it by a button", async () => {
    const { migrations, server, parts, page, complaints } = await moved();
    const path = StackFile.pathOf(parts.folder, STACK);
    const edit = (patch: ConfigPatch): void => {
      const { config } = parse(readFileSync(path, "utf8")) as { config: RawConfig };
      writeFileSync(path, stringify({ config: patched(config, patch) }));
    };
    edit({ "workload.image": "example.org/web-api:1.0.1", "dns.weights": { old: 0, new: 100 } });
    await page.goto(`${server.url}/#/${STACK}`);
    await page.getByRole("tab", { name: "Edits" }).click();
    await page.getByText("dns.weights.new cannot be taken").waitFor();
    expect(await page.getByRole("button", { name: "Preview and apply…" }).count()).to.equal(0);
    edit({ "dns.weights": { old: 75, new: 25 } });
    await page.reload();
    await page.getByRole("button", { name: "Preview and apply…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("What it will change").waitFor();
    await dialog.getByText("example.org/web-api:1.0.1").waitFor();
    await expectDialogAccessible(page, "an edit");
    await dialog.getByRole("button", { name: "Apply the edit", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    const { revisions } = await migrations.settled(STACK);
    expect(revisions.at(-1)).to.have.property("refines");
    expect(parts.world.applied.workload.image).to.equal("example.org/web-api:1.0.1");
    expect(complaints).to.deep.equal([]);
  });

  it("[safety-4] lets a person insist on a way back to an old side that is known to be dead, after having read it", async () => {
    const { migrations, server, parts, page } = await moved();
    parts.world.faults = { ...NO_FAULTS, reading: (name, side) => (name === "error-rate" && side === "old" ? known(1) : undefined) };
    await page.goto(`${server.url}/#/${STACK}`);
    await page.getByRole("button", { name: "Emergency: users back now" }).click();
    const dialog = page.getByRole("dialog");
    const send = async (): Promise<void> => {
      await dialog.getByRole("button", { name: "Send users back…" }).click();
      const yes = dialog.getByRole("button", { name: "Yes, send all users to the old side now" });
      await yes.and(page.locator(":enabled")).click();
    };
    await send();
    await dialog.getByText("the old side fails 100 % of its requests").waitFor();
    expect(parts.world.applied.dns?.weights.new, "nobody was sent there").to.equal(25);
    await dialog.getByRole("button", { name: "Send them there all the same…" }).click();
    await dialog.getByText("although it is known to be no better").waitFor();
    await send();
    await dialog.waitFor({ state: "detached" });
    await migrations.settled(STACK);
    expect(parts.world.applied.dns?.weights.new ?? 0).to.equal(0);
  });
});
