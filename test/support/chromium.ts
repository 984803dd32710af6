import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "chai";
import { type Browser, chromium, type Page } from "playwright-core";
import { projectRoot } from "../../src/engine/engine.js";
import { requirePart } from "./parts.js";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Nothing that calls out, and no profile of anybody: each launch makes a fresh folder. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const installed = async (): Promise<string | undefined> => {
  for (const place of PLACES)
    if (
      await access(place).then(
        () => true,
        () => false,
      )
    )
      return place;
  return undefined;
};

/** Call in a `describe`: one Chromium for all its tests. */
export function chromiumForSuite(): () => Browser {
  let browser: Browser | undefined;
  before("start Chromium", async function () {
    const executablePath = await installed();
    requirePart(this, "Chromium", executablePath !== undefined, "apt-get install chromium");
    browser = await chromium.launch({ executablePath: executablePath as string, args: FLAGS });
  });
  after("end Chromium", () => browser?.close());
  return () => browser as Browser;
}

export interface Look {
  scheme?: "light" | "dark";
  /** A phone of 375 pixels, or a desk. */
  size?: "phone" | "desk";
}

const SIZES = { phone: { width: 375, height: 812 }, desk: { width: 1280, height: 860 } };

/** A page of its own; whatever it complains about in its console is kept. */
export async function openPage(browser: Browser, url: string, { scheme = "light", size = "desk" }: Look = {}) {
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  const complaints: string[] = [];
  // A problem document is the service's answer, not the page's mistake.
  page.on("console", (m) => m.type() === "error" && !m.text().startsWith("Failed to load resource") && complaints.push(m.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface AxeResult {
  violations: { id: string; help: string; nodes: { target: unknown; failureSummary?: string }[] }[];
}

/** Checks the page with axe-core, shadow roots included: it has to find nothing. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  // Past the page's policy, as a browser's developer tools are: the page itself runs nothing inline.
  await page.evaluate(await axeSource());
  const { violations } = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as AxeResult;
  const found = violations.flatMap((v) => v.nodes.map((n) => `${v.id} (${v.help}) at ${JSON.stringify(n.target)}: ${n.failureSummary}`));
  expect(found, `axe on ${what}`).to.deep.equal([]);
}

/** The dialog that is open: in light and in dark. */
export async function expectDialogAccessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page, `${what}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

let source: Promise<string> | undefined;
const axeSource = (): Promise<string> => {
  source ??= import("node:fs/promises").then(({ readFile }) => readFile(AXE, "utf8"));
  return source;
};

/** With UPDATE_SCREENSHOTS=1 the pictures in the docs are made again; otherwise only taken, so that taking them is tested. */
export async function picture(page: Page, name: string, fullPage = false): Promise<void> {
  const keep = process.env.UPDATE_SCREENSHOTS === "1";
  const path = join(projectRoot(), "docs", "images", `${name}.png`);
  await page.screenshot({ fullPage, animations: "disabled", ...(keep ? { path } : {}) });
}
