import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { OUTCOME } from "../../src/rehearsal/order.js";
import { STACK } from "../automation/model.js";
import { chromiumForSuite, expectAccessible, openPage } from "../support/chromium.js";
import { tempFolder } from "../support/tmp.js";
import { openModelPortal } from "./model.js";

const MINUTE = 60_000;
const frame = (seq: number, text: string, more: object = {}) => ({
  seq,
  at: Date.UTC(2026, 0, 5, 9) + seq * MINUTE,
  kind: "step",
  step: "traffic.dns-25",
  text,
  status: "running",
  phase: "traffic",
  revision: seq,
  weights: { dns: 25 },
  usersOnNew: 0.25,
  ...more,
});

/** As `cutover rehearse` leaves one. */
const REHEARSED = {
  id: "2026-01-05-web-api",
  madeAt: "2026-01-05T09:00:00.000Z",
  stacks: [STACK],
  verdict: "no-go",
  reasons: ["users saw errors for 3 minutes"],
  seed: 1,
  migrations: [
    {
      stack: STACK,
      digest: "0".repeat(64),
      status: "held",
      reasons: [],
      faults: [{ fault: "errors@25%", came: true }],
      restarts: 0,
      rollbacks: [
        {
          at: 0,
          why: "error-rate 12 %",
          automatic: true,
          revision: 1,
          detectionMs: 45_000,
          usersBackMs: MINUTE,
          usersOnNew: 0.25,
          loses: [],
        },
      ],
      waysBack: [{ step: "traffic.dns-25", at: 0, possible: true, usersMinutes: 2, minutes: 9, items: 3, loses: [] }],
      frames: [
        frame(0, "a quarter of the users goes over"),
        frame(1, "error-rate 12 %", { gates: [{ gate: "error-rate", verdict: "fail", shown: "12 %", accepts: "at most 5 %" }] }),
        frame(2, "users are back", { status: "held", usersOnNew: 0 }),
      ],
    },
  ],
};

describe("rehearsals in the portal", function () {
  // A browser on a busy machine.
  this.timeout(90_000);
  const browser = chromiumForSuite();

  it("are listed with their verdict, and replayed moment by moment: by buttons, by keys and by itself", async () => {
    const folder = tempFolder("rehearsals");
    await mkdir(join(folder, REHEARSED.id));
    await writeFile(join(folder, REHEARSED.id, OUTCOME), JSON.stringify(REHEARSED));
    const portal = await openModelPortal({ rehearsals: folder });
    const { page, complaints, close } = await openPage(browser(), portal.entrance, { size: "phone" });
    await page.getByRole("link", { name: "Rehearsals" }).click();
    await page.getByText("users saw errors for 3 minutes").waitFor();
    await page.getByRole("link", { name: STACK }).click();
    await page.getByText("a quarter of the users goes over").waitFor();
    expect(page.url()).to.contain(`#/~rehearsals/${REHEARSED.id}`);
    await expectAccessible(page, "a replay");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("accepted: at most 5 %").waitFor();
    const slider = page.getByRole("slider", { name: "Moment" });
    await slider.press("End");
    await page.getByText("users are back").waitFor();
    expect(await page.getByText("0 % of the users on the new side").count()).to.equal(1);
    await page.getByText("noticed after 45 s, users back after 1 min").waitFor();
    await page.getByRole("button", { name: "Play" }).click();
    await page.getByText("moment 3 of 3").waitFor();
    await page.getByRole("button", { name: "Play" }).waitFor();
    expect(complaints).to.deep.equal([]);
    await close();
    await portal.close();
  });
});
