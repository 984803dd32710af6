import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import type { Express } from "express";
import { projectRoot } from "../../src/engine/engine.js";
import { STACK } from "../automation/model.js";
import { openModelPortal } from "../portal/model.js";
import { chromiumForSuite } from "../support/chromium.js";
import { afterThisTest } from "../support/cleanup.js";

describe("the example of a portal written in Node.js", () => {
  const browser = chromiumForSuite();

  it("lets its own people in, under their own names and with their own roles", async () => {
    const example = (await import(pathToFileURL(join(projectRoot(), "examples", "node-portal", "portal.js")).href)) as {
      portal: (migrations: unknown) => Express;
    };
    const model = await openModelPortal();
    afterThisTest(() => model.close());
    await model.goTo("containerize.deploy");
    const server = createServer(example.portal(model.migrations));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    afterThisTest(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await fetch(`${url}/cutover/v1/migrations`)).status).to.equal(401);

    const open = async (username: string) => {
      const context = await browser().newContext({
        httpCredentials: { username, password: `${username}'s secret` },
        reducedMotion: "reduce",
      });
      afterThisTest(() => context.close());
      const page = await context.newPage();
      await page.goto(`${url}/cutover/#/${STACK}`);
      await page.getByText(`Signed in as ${username}`).waitFor();
      await page.getByRole("heading", { name: "web-api", level: 2 }).waitFor();
      await page.getByText("How we would come back").waitFor();
      return page;
    };
    const ana = await open("ana");
    await ana.getByRole("button", { name: "Advance…" }).click();
    await ana.getByRole("dialog").getByText("What will run").waitFor();
    await ana.getByRole("dialog").getByText("Asking the engine").waitFor({ state: "detached" });
    await ana.getByRole("dialog").getByRole("button", { name: "Advance", exact: true }).click();
    await ana.getByRole("dialog").waitFor({ state: "detached" });
    await model.migrations.settled(STACK);
    const command = (await model.migrations.journal(STACK)).findLast((e) => e.type === "command");
    expect(command).to.include({ command: "advance", who: "ana" });

    const eve = await open("eve");
    expect(await eve.getByRole("group", { name: "Actions" }).getByRole("button").count(), "a viewer gets no commands").to.equal(0);
  }).timeout(60_000);
});
