import { join } from "node:path";
import { expect } from "chai";
import { build } from "esbuild";
import { accessSchema } from "../../src/config/access.js";
import { projectRoot } from "../../src/engine/engine.js";
import { STACK } from "../automation/model.js";
import { chromiumForSuite, openPage } from "../support/chromium.js";
import { foreignPage } from "./foreignPage.js";
import { openModelPortal } from "./model.js";

/** What the Backstage plugin's pages do with its component, without Backstage: fleet, then the chosen migration. */
const PAGE = `
  import { createElement, useState } from "react";
  import { createRoot } from "react-dom/client";
  import { CutoverElement } from "./integrations/backstage/src/CutoverElement";
  const token = async () => location.hash.slice(1);
  function Page() {
    const [stack, setStack] = useState();
    return stack === undefined
      ? createElement(CutoverElement, { tag: "cutover-fleet", baseUrl: "SERVICE", token, onSelect: setStack })
      : createElement(CutoverElement, { tag: "cutover-migration", baseUrl: "SERVICE", token, stack, readOnly: true });
  }
  createRoot(document.querySelector("main")).render(createElement(Page));`;

describe("the Backstage plugin's React component", function () {
  // A browser on a busy machine.
  this.timeout(90_000);
  const browser = chromiumForSuite();

  it("shows the fleet and the chosen migration, with a token as a property and without commands", async () => {
    const { outputFiles } = await build({
      stdin: { contents: PAGE, resolveDir: projectRoot(), sourcefile: "page.js" },
      absWorkingDir: projectRoot(),
      nodePaths: [join(projectRoot(), "node_modules")],
      bundle: true,
      write: false,
      format: "esm",
      jsx: "automatic",
      define: { "process.env.NODE_ENV": '"production"' },
    });
    let service = "";
    const page = await foreignPage(
      '<body><main></main><script type="module" src="/own.js"></script></body>',
      outputFiles[0]?.text ?? "",
      () => service,
    );
    const portal = await openModelPortal({ settings: accessSchema.parse({ cors: [page.origin] }) });
    service = portal.server.url;
    await portal.goTo("database.schedule");
    const { page: tab, complaints, close } = await openPage(browser(), `${page.origin}/#${portal.server.token}`);
    await tab.getByRole("link", { name: "web-api" }).last().click();
    await tab.getByRole("heading", { name: "web-api" }).waitFor();
    await tab.getByText("Is the maintenance window agreed and announced?").first().waitFor();
    expect(await tab.locator("cutover-migration").getAttribute("stack")).to.equal(STACK);
    expect(await tab.locator("cutover-migration").getAttribute("token"), "no token in the page's tree").to.equal(null);
    expect(await tab.getByRole("group", { name: "Actions" }).count()).to.equal(0);
    expect(complaints).to.deep.equal([]);
    await close();
    await page.close();
    await portal.close();
  });
});
