import { expect } from "chai";
import type { ResourceChange } from "../../src/automation/journal/records.js";
import { STACK } from "../automation/model.js";
import { modelService, planning, REPLACED_DATABASE } from "../automation/modelService.js";
import { expectConforming } from "../http/conforming.js";
import { chromiumForSuite, expectDialogAccessible, openPage, picture } from "../support/chromium.js";
import { afterThisTest } from "../support/cleanup.js";
import { openModelPortal } from "./model.js";

const STEP = "database.lower-ttl";
describe("a step that would lose data, in the portal", function () {
  // A browser on a busy machine.
  this.timeout(90_000);
  const browser = chromiumForSuite();
  /** What the engine plans beside what the model does. */
  let planned: ResourceChange[];

  async function held() {
    planned = [];
    const portal = await openModelPortal(
      {},
      planning(modelService(), () => planned),
    );
    await portal.goTo(STEP);
    planned = [REPLACED_DATABASE];
    await portal.migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
    expect((await portal.migrations.settled(STACK)).status).to.equal("held");
    const { page, complaints, close } = await openPage(browser(), portal.entrance);
    await page.goto(`${portal.server.url}/#/${STACK}`);
    afterThisTest(async () => {
      await close();
      await portal.close();
    });
    return { ...portal, page, complaints };
  }

  it("promise 7: says what would be lost and why, and goes on only when the resource's name was typed", async () => {
    const { migrations, server, page, complaints } = await held();
    await page.getByText("promise 7: database.lower-ttl would replace orders-db").first().waitFor();
    await page.getByText("Loses what is in orders-db now.").waitFor();
    const path = `/v1/migrations/${STACK}`;
    const answer = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${server.token}` } });
    const body = (await answer.json()) as { losses: unknown };
    expectConforming({ method: "GET", path, status: answer.status, contentType: answer.headers.get("content-type"), body });
    const { diff: _, ...lost } = REPLACED_DATABASE;
    expect(body.losses).to.deep.equal([lost]);
    await page.getByRole("button", { name: "Approve the loss…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("The engine deletes orders-db (aws:rds:Instance) and makes another one in its place.").waitFor();
    await dialog.getByText("storageEncrypted forces a replacement").first().waitFor();
    await expectDialogAccessible(page, "the approval of a loss");
    const send = dialog.getByRole("button", { name: "Approve the loss", exact: true });
    const name = dialog.getByLabel("Type the resource's name, orders-db, to approve its loss");
    await name.fill("web-api");
    expect(await send.isDisabled(), "another name approves nothing").to.equal(true);
    await name.fill("orders-db");
    await picture(page, "portal-loss");
    await send.click();
    await dialog.waitFor({ state: "detached" });
    expect((await migrations.settled(STACK)).steps[STEP]?.status).to.equal("done");
    const command = (await migrations.journal(STACK)).findLast((e) => e.type === "command");
    const preview = (await migrations.journal(STACK)).findLast((e) => e.type === "preview.stored" && e.step === STEP);
    expect(command).to.deep.include({ command: "approve", step: STEP, resources: ["orders-db"] });
    expect(command).to.have.property("preview", preview?.type === "preview.stored" ? preview.preview.digest : "");
    expect(complaints).to.deep.equal([]);
  });

  it("promise 7: is previewed again by a resume, and goes on automatically once nothing would be lost any more", async () => {
    const { migrations, page } = await held();
    const resume = async () => {
      await page.getByRole("button", { name: "Resume…" }).click();
      await page.getByRole("dialog").getByText("It stays held if that still loses data.").waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Resume", exact: true }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      return migrations.settled(STACK);
    };
    expect((await resume()).status).to.equal("held");
    planned = [];
    expect((await resume()).steps[STEP]?.status).to.equal("done");
    await page.locator('cutover-migration [data-status="ready"]').waitFor();
  });
});
