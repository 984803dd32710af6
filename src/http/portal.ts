import { fileURLToPath } from "node:url";
import type { RequestHandler } from "express";
import express from "express";

const BROWSER = fileURLToPath(new URL("../portal/browser/", import.meta.url));

/** What the page that asks for a token looks like. */
const ENTRANCE = ["/portal.css", "/entrance.css", "/icon.svg"];

/** Only what a person without a credential is shown. */
export const entranceAssets =
  (assets: RequestHandler): RequestHandler =>
  (request, response, next) =>
    ENTRANCE.includes(request.path) ? assets(request, response, next) : next();

/** The portal's page and modules: program files, without any data. */
export const portalAssets = (): RequestHandler => express.static(BROWSER, { index: "index.html", redirect: false });
