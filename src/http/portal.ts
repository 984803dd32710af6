import { fileURLToPath } from "node:url";
import express, { type RequestHandler } from "express";

const BROWSER = fileURLToPath(new URL("../portal/browser/", import.meta.url));

/** The portal's page and modules: public, without any data. */
export const portalAssets = (): RequestHandler =>
  // Pages of other origins load the elements; what they may read is decided where the data is.
  express.static(BROWSER, {
    index: "index.html",
    redirect: false,
    setHeaders: (response) => void response.setHeader("Access-Control-Allow-Origin", "*"),
  });
