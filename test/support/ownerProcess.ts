import { once } from "node:events";
import { ownFolder } from "../../src/database/folderOwner.js";

/** Makes the folder its own once it is told to, says whether it did, and lives on until its input ends. */
process.stdout.write("ready\n");
await once(process.stdin, "data");
await ownFolder(process.argv[2] ?? "", "journal").then(
  () => process.stdout.write("owner\n"),
  (error: Error) => process.stdout.write(`${error.name}\n`),
);
await once(process.stdin.resume(), "end");
