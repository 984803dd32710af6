import { fileURLToPath } from "node:url";
import express, { type RequestHandler } from "express";

const BROWSER = fileURLToPath(new URL("../portal/browser/", import.meta.url));

/** The portal's page and modules: program files, without any data. */
export const portalAssets = (): RequestHandler => express.static(BROWSER, { index: "index.html", redirect: false });
