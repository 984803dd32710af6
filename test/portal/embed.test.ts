import { expect } from "chai";
import { accessSchema } from "../../src/config/access.js";
import { STACK } from "../automation/model.js";
import { chromiumForSuite, expectAccessible, openPage, picture } from "../support/chromium.js";
import { foreignPage } from "./foreignPage.js";
import { type ModelPortal, openModelPortal } from "./model.js";

const FLEET = `<body><main><h1>Our portal</h1><cutover-fleet graph="off"></cutover-fleet></main>
  <script type="module" src="SERVICE/elements.js"></script><script type="module" src="/own.js"></script></body>`;

describe("the elements in somebody else's page", function () {
  // A browser on a busy machine.
  this.timeout(90_000);
  const browser = chromiumForSuite();
  let portal: ModelPortal | undefined;
  let page: Awaited<ReturnType<typeof foreignPage>> | undefined;
  afterEach(async () => {
    await page?.close();
    await portal?.close();
    [page, portal] = [undefined, undefined];
  });

  /** The service lets exactly one origin in: that of the foreign page. */
  async function embedded(body: string, script: string, allowed: (origin: string) => string[]) {
    page = await foreignPage(body, script, () => portal?.server.url ?? "");
    const origins = allowed(page.origin);
    portal = await openModelPortal({ settings: accessSchema.parse({ cors: origins, frames: origins }) });
    await portal.goTo("traffic.dns-100");
    return { portal, page, token: portal.server.token as string };
  }

  it("shows the fleet live, with a token from a function, in the page's own colours, and tells what happens", async () => {
    const script = `
      const fleet = document.querySelector("cutover-fleet");
      globalThis.heard = [];
      for (const type of ["cutover-select", "cutover-status"])
        fleet.addEventListener(type, (e) => { heard.push([e.type, e.detail.stack, e.detail.status]); e.preventDefault(); });
      fleet.token = async () => new URLSearchParams(location.hash.slice(1)).get("token");`;
    const { portal: service, page: own, token } = await embedded(FLEET, script, (origin) => [origin]);
    const { page: tab, complaints, close } = await openPage(browser(), `${own.origin}/#token=${token}`);
    const link = tab.getByRole("link", { name: "web-api" }).last();
    await link.waitFor();
    const colour = await tab
      .locator("cutover-fleet")
      .evaluate((e) => e.ownerDocument.defaultView?.getComputedStyle(e).getPropertyValue("--_accent"));
    expect(colour).to.equal("rgb(120, 40, 140)");
    await link.click();
    expect(tab.url(), "the page decides where a choice leads").to.contain("#token=");
    await service.migrations.command(STACK, { command: "pause", why: "a look" }, "ana");
    await tab.locator('cutover-fleet [data-status="paused"]').waitFor();
    const heard = (await tab.evaluate("heard")) as string[][];
    expect(heard[0]).to.deep.include("cutover-select").and.deep.include(STACK);
    expect(heard.at(-1)).to.deep.equal(["cutover-status", STACK, "paused"]);
    await expectAccessible(tab, "a foreign page");
    await picture(tab, "embedded-fleet");
    expect(complaints).to.deep.equal([]);
    await close();
  });

  it("takes commands there too, and shows the service's refusal with what to do next", async () => {
    const body = `<body><main><h1>Our portal</h1><cutover-migration stack="${STACK}"></cutover-migration></main>
      <script type="module" src="SERVICE/elements.js"></script><script type="module" src="/own.js"></script></body>`;
    const script = `document.querySelector("cutover-migration").token = new URLSearchParams(location.hash.slice(1)).get("token");`;
    const { portal: service, page: own, token } = await embedded(body, script, (origin) => [origin]);
    const { page: tab, close } = await openPage(browser(), `${own.origin}/#token=${token}`);
    await tab.getByRole("button", { name: "Advance…" }).click();
    const dialog = tab.getByRole("dialog");
    await dialog.getByText("How we would come back").waitFor();
    await dialog.getByRole("button", { name: "Advance", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    expect((await service.migrations.settled(STACK)).steps["traffic.dns-100"]?.status).to.equal("done");

    await tab.getByRole("button", { name: "Advance…" }).click();
    await service.migrations.command(STACK, { command: "pause", why: "somebody was faster" }, "ben");
    await dialog.getByText("How we would come back").or(dialog.getByText("nothing to preview")).first().waitFor();
    await dialog.getByRole("button", { name: "Advance", exact: true }).click();
    await dialog.getByRole("alert").getByText("it is paused: somebody was faster").waitFor();
    await dialog.getByText("Next: Resume or roll back.").waitFor();
    await close();
  });

  it("takes its attributes as properties too, as Preact and React 19 set those that an element has", async () => {
    const { page: own } = await embedded(FLEET, "", (origin) => [origin]);
    const { page: tab, close } = await openPage(browser(), own.origin);
    await tab.evaluate("customElements.whenDefined('cutover-rehearsals').then(() => true)");
    const taken = await tab.evaluate(`["cutover-fleet", "cutover-migration", "cutover-rehearsals"].flatMap((tag) => {
      const element = document.createElement(tag);
      return element.constructor.observedAttributes.map((name) => {
        if (name in element) element[name] = "x";
        else element.setAttribute(name, "x");
        return [tag, name, name === "token" ? element.token : element.getAttribute(name)];
      });
    })`);
    expect(taken).to.have.length.above(10);
    for (const [tag, name, value] of taken as string[][]) expect(value, `${tag} ${name}`).to.equal("x");
    await close();
  });

  it("shows nothing to a page of an origin that is not named", async () => {
    const script = `document.querySelector("cutover-fleet").token = new URLSearchParams(location.hash.slice(1)).get("token");`;
    const { page: own, token } = await embedded(FLEET, script, () => ["https://portal.example.com"]);
    const { page: tab, close } = await openPage(browser(), `${own.origin}/#token=${token}`);
    await tab.waitForTimeout(1_500);
    expect(await tab.getByText("web-api").count()).to.equal(0);
    await close();
  });

  it("says what is missing to a page without a token", async () => {
    const { page: own } = await embedded(FLEET, "", (origin) => [origin]);
    const { page: tab, close } = await openPage(browser(), own.origin);
    await tab.getByRole("alert").getByText("carries no credential").waitFor();
    await tab.getByText(/Next: Send the header Authorization/).waitFor();
    await close();
  });

  it("is shown in a frame by named portals only", async () => {
    const body = `<body><iframe title="cutover" src="SERVICE/"></iframe></body>`;
    for (const named of [true, false]) {
      const { page: own } = await embedded(body, "", (origin) => (named ? [origin] : ["https://portal.example.com"]));
      const { page: tab, close } = await openPage(browser(), own.origin);
      await tab.waitForTimeout(1_000);
      const [, frame] = tab.frames();
      const shown = await frame?.evaluate("document.body?.innerText ?? ''").catch(() => "");
      if (named) expect(shown).to.contain("cutover");
      else expect(shown).to.not.contain("Open the link");
      await close();
      await page?.close();
      await portal?.close();
      [page, portal] = [undefined, undefined];
    }
  });
});
