import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DeleteObjectCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { Transient, unreached } from "../errors.js";
import type { LockPlace } from "../ports/providers.js";

const CONNECT_MS = 5_000;
const REQUEST_MS = 15_000;

/** The locks' place by the engine's backend; undefined for one that is neither a folder nor an S3 bucket. */
export function lockPlace(backendUrl: string): LockPlace | undefined {
  if (backendUrl.startsWith("file://")) return folder(backendUrl.startsWith("file:///") ? fileURLToPath(backendUrl) : backendUrl.slice(7));
  if (backendUrl.startsWith("s3://")) return bucket(new URL(backendUrl));
  return undefined;
}

/** What a person must know of a backend that keeps locks which cutover cannot look at; undefined for every other one. */
export function unseenLocks(backendUrl: string): string | undefined {
  const [, scheme] = /^(gs|azblob):/.exec(backendUrl) ?? [];
  return scheme === undefined
    ? undefined
    : `cutover cannot look at the engine's locks in ${scheme}:// backends: one that a killed engine left stops every update of its stack until it is cleared with \`pulumi cancel --stack STACK\`.`;
}

function folder(root: string): LockPlace {
  return {
    kind: "folder",
    list: (path) => readdir(join(root, path)).catch(() => []),
    read: (path) => readFile(join(root, path), "utf8").catch(() => undefined),
    remove: (path) => rm(join(root, path), { force: true }),
  };
}

/** With the parameters of the engine's own URL: https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3 */
function bucket({ hostname: Bucket, pathname, searchParams }: URL): LockPlace {
  const { region, endpoint, profile } = Object.fromEntries(searchParams);
  const pathStyle = searchParams.get("s3ForcePathStyle") === "true" || searchParams.get("use_path_style") === "true";
  const scheme = searchParams.get("disableSSL") === "true" ? "http" : "https";
  const client = new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: endpoint.includes("://") ? endpoint : `${scheme}://${endpoint}` }),
    credentials: fromNodeProviderChain(profile === undefined ? {} : { profile }),
    forcePathStyle: pathStyle,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: REQUEST_MS, throwOnRequestTimeout: true },
  });
  const root = pathname.replace(/^\/|\/$/g, "");
  const keyOf = (path: string): string => (root === "" ? path : `${root}/${path}`);
  const asked = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (cause) {
      throw unreached(new Transient(`The engine's locks in s3://${Bucket} could not be ${what}: ${(cause as Error).message}`, { cause }));
    }
  };
  return {
    kind: "bucket",
    list: (path) =>
      asked("listed", async () => {
        const Prefix = `${keyOf(path)}/`;
        const names: string[] = [];
        for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix }))
          names.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key.slice(Prefix.length)])));
        return names;
      }),
    read: (path) =>
      asked("read", () =>
        client.send(new GetObjectCommand({ Bucket, Key: keyOf(path) })).then(
          ({ Body }) => Body?.transformToString(),
          (error: Error) => {
            if (error.name === "NoSuchKey") return undefined;
            throw error;
          },
        ),
      ),
    remove: (path) => asked("removed", async () => void (await client.send(new DeleteObjectCommand({ Bucket, Key: keyOf(path) })))),
  };
}
