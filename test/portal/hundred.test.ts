import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Page } from "playwright-core";
import { stringify } from "yaml";
import { TokenFolder } from "../../src/access/tokenFolder.js";
import { makeToken } from "../../src/access/tokens.js";
import { patched, StackFile } from "../../src/config/stackFile.js";
import { chromiumForSuite, expectAccessible, expectDialogAccessible, openPage, picture } from "../support/chromium.js";
import { largeFleet } from "./largeFleet.js";
import { type ModelPortal, openModelPortal } from "./model.js";

const SIZES = { desk: { width: 1_440, height: 900 }, phone: { width: 390, height: 844 } };
/** Smaller letters are no text any more. */
const SMALLEST_TEXT = 11;

describe("a hundred applications in the portal", function () {
  // A browser on a busy machine.
  this.timeout(180_000);
  const browser = chromiumForSuite();
  let portal: ModelPortal;
  let tokens: TokenFolder;
  let stacks: string[];
  beforeEach(async () => {
    const fleet = await largeFleet();
    stacks = fleet.stacks;
    tokens = new TokenFolder(join(fleet.parts.folder, "tokens"));
    portal = await openModelPortal({ access: { tokens } }, fleet.parts);
  });
  afterEach(() => portal.close());

  /** Signed in as somebody with these grants. */
  async function open(address: string, applications?: string[]) {
    const { token, stored } = makeToken({ name: "olga", grants: [{ role: "viewer" }, { role: "operator", applications }] });
    await tokens.add(stored);
    const opened = await openPage(browser(), `${portal.server.url}/?token=${token}`);
    await opened.page.setViewportSize(SIZES.desk);
    await opened.page.goto(`${portal.server.url}/${address}`);
    await opened.page.getByRole("heading", { name: "Dependencies" }).waitFor();
    return opened;
  }
  const beginAll = async (some: string[]): Promise<void> => {
    for (const stack of some) await portal.migrations.create(stack, "alice");
  };
  /** Beside the staging of the model, which has passed already. */
  const begun = async (): Promise<string[]> => (await portal.migrations.list()).map((m) => m.stack).filter((s) => stacks.includes(s));
  const addressOf = (page: Page): string => new URL(page.url()).hash;

  it("[people-18] begins several with one preview and one confirmation, and says of each what became of it", async () => {
    const [edited = "", ...rest] = stacks.slice(0, 3);
    const { page, complaints, close } = await open("#/?q=orders-");
    for (const stack of [edited, ...rest]) await page.getByRole("checkbox", { name: `Choose ${stack}`, exact: true }).check();
    await page.getByRole("button", { name: "Begin 3 chosen…" }).click();
    const dialog = page.getByRole("dialog", { name: "Begin 3 migrations" });
    await dialog.getByText("3 will be begun.").waitFor();
    expect(await dialog.getByText(/A person is asked \d+ times/).count(), "each by itself").to.equal(3);
    await expectDialogAccessible(page, "the preview of three");
    await picture(page, "fleet-begin-several");

    const file = await StackFile.read(portal.folder, edited);
    await writeFile(join(portal.folder, `Pulumi.${edited}.yaml`), stringify({ config: patched(file.raw(), { "workload.replicas": 5 }) }));
    await dialog.getByRole("button", { name: "Begin 3 migrations" }).click();
    await dialog.getByText("2 of 3 begun, 1 failed.").waitFor();
    const refused = dialog.getByRole("listitem").filter({ hasText: edited });
    await refused.getByText("Not begun: it failed").waitFor();
    await refused.getByText("was edited since it was looked at").waitFor();
    await refused.getByText("Next: Look at it again, then begin it.").waitFor();
    expect(await begun()).to.have.members(rest);
    await expectDialogAccessible(page, "what became of three");

    await dialog.getByRole("button", { name: "Look at the 1 again…" }).click();
    await page.getByRole("dialog").getByText("1 will be begun.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Begin 1 migration" }).click();
    await page.getByRole("dialog").getByText("1 of 1 begun.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await page.getByRole("checkbox", { name: `Choose ${edited}`, exact: true }).waitFor({ state: "detached" });
    expect(await begun()).to.have.members([edited, ...rest]);
    expect((await portal.migrations.journal(edited))[0]).to.include({ type: "migration.created", who: "olga" });
    expect(complaints).to.deep.equal([]);
    await close();
  });

  it("[people-18] looks at the list where the service did not answer, instead of guessing whether it began", async () => {
    const [lost = "", after = ""] = stacks;
    const { page, close } = await open("#/?q=orders-");
    for (const stack of [lost, after]) await page.getByRole("checkbox", { name: `Choose ${stack}`, exact: true }).check();
    await page.getByRole("button", { name: "Begin 2 chosen…" }).click();
    let sent = 0;
    await page.route("**/v1/migrations", async (route) => {
      if (route.request().method() !== "POST") return route.fallback();
      sent += 1;
      // Of the first the service takes the command and its answer is lost; the second one never arrives.
      if (sent === 1) await route.fetch();
      return route.abort();
    });
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Begin 2 migrations" }).click();
    await dialog.getByText("1 of 2 begun, 1 failed.").waitFor();
    await dialog.getByRole("listitem").filter({ hasText: lost }).getByText("Begun", { exact: true }).waitFor();
    await dialog.getByRole("listitem").filter({ hasText: after }).getByText("Not begun: it failed").waitFor();
    await close();
  });

  it("[people-18] offers beginning only for what the person may begin", async () => {
    const { page, close } = await open("#/", ["orders-api", "orders-worker"]);
    await page.getByText("Whoever has the role operator for it may begin it.").first().waitFor();
    expect(await page.getByRole("button", { name: /^Begin .*…$/ }).count()).to.equal(3);
    expect(await page.getByRole("checkbox", { name: /^Choose/ }).count()).to.equal(2);
    await page.getByRole("checkbox", { name: "All 2 that can be begun" }).check();
    await page.getByRole("button", { name: "Begin 2 chosen…" }).click();
    await page.getByRole("dialog").getByText("2 will be begun.").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await begun()).to.deep.equal([]);
    await close();
  });

  it("[people-18] keeps filter, order, folds and graph in the address: a link shows the same, and back leads back", async () => {
    await beginAll(stacks.slice(0, 12));
    const { page, close } = await open("#/");
    await page.getByRole("button", { name: "Not begun" }).click();
    await page.getByRole("button", { name: /^13 migrations/ }).waitFor();
    await page.getByLabel("Dependencies of").selectOption("wave-3");
    await page.getByRole("combobox", { name: "By" }).selectOption("name");
    await page.getByPlaceholder("Filter by name").fill("orders");
    await page.getByRole("button", { name: "Show everything" }).waitFor();
    expect(addressOf(page)).to.equal("#/?q=orders&order=name&fold=Not+begun&graph=wave-3");
    const shown = async (of: Page) => ({
      rows: await of.locator("tr.migration th a").allInnerTexts(),
      folded: await of.getByRole("button", { name: "Not begun" }).getAttribute("aria-expanded"),
      order: await of.getByRole("combobox", { name: "By" }).inputValue(),
      graph: await of.getByLabel("Dependencies of").inputValue(),
      text: await of.getByPlaceholder("Filter by name").inputValue(),
    });
    const mine = await shown(page);
    expect(mine.rows).to.deep.equal(["orders-api", "orders-events-ingest", "orders-export", "orders-worker"]);

    const theirs = await open(addressOf(page));
    await theirs.page.getByRole("link", { name: "orders-api" }).waitFor();
    expect(await shown(theirs.page)).to.deep.equal(mine);
    await theirs.close();

    await page.goBack();
    expect(addressOf(page)).to.equal("#/?fold=Not+begun&graph=wave-3");
    await page.locator("tr.migration").nth(12).waitFor();
    expect(await page.getByRole("combobox", { name: "By" }).inputValue()).to.equal("wave");
    await page.goBack();
    await page.goForward();
    await page.goForward();
    await page.locator("tr.migration").nth(4).waitFor({ state: "detached" });
    expect(await shown(page)).to.deep.equal(mine);
    await page.getByRole("button", { name: "Show everything" }).click();
    expect(addressOf(page)).to.equal("#/?graph=wave-3");
    await close();
  });

  for (const size of ["desk", "phone"] as const)
    for (const colorScheme of ["light", "dark"] as const)
      it(`[people-18] draws each wave whole and readable, with the same in words: ${size}, ${colorScheme}`, async () => {
        await beginAll(stacks.slice(0, 50));
        const { page, complaints, close } = await open("#/?fold=Wave+1&fold=Not+begun");
        await page.setViewportSize(SIZES[size]);
        await page.emulateMedia({ colorScheme });
        for (const wave of ["wave-1", "wave-2", "wave-3"]) {
          await page.getByLabel("Dependencies of").selectOption(wave);
          const graph = page.locator("section.graph");
          const { width, wide, letters } = await graph.locator("svg").evaluate((svg) => {
            const box = svg.getBoundingClientRect();
            const scale = box.width / Number(svg.getAttribute("viewBox")?.split(" ")[2]);
            return { width: box.width, wide: svg.parentElement?.clientWidth ?? 0, letters: 12 * scale };
          });
          expect(width, wave).to.be.at.most(wide);
          expect(letters, `size of letters in ${wave}`).to.be.at.least(SMALLEST_TEXT);
          const over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
          expect(over, `${wave} is wider than the page`).to.be.at.most(0);
        }
        await page.getByText(/^In words: 20 applications/).click();
        await page.getByText(/^orders-storefront-1 \(wave 3\) needs/).waitFor();
        await expectAccessible(page, "the fleet with its graph");
        if (size === "desk" && colorScheme === "light") {
          await page.getByLabel("Dependencies of").selectOption("of-payments-api");
          await picture(page, "fleet-graph");
        }
        expect(complaints).to.deep.equal([]);
        await close();
      });
});
