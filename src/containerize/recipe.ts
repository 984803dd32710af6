import type { Technology } from "../inventory/technology.js";
import type { Sources } from "./sources.js";

export interface ContainerFiles {
  /** Content by file name. */
  files: Record<string, string>;
  /** What a person should know, as sentences. */
  findings: string[];
  /** The stage of the Dockerfile that has what tests need; its command runs them. */
  testStage?: string;
}

/** What a recipe writes files from. */
export interface RecipeInput {
  technology: Technology;
  /** Absent where nobody named them: then the usual layout is assumed, and said. */
  sources?: Sources;
  /** That the application listens on. */
  port: number;
  /** That its health is asked on. */
  healthPath: string;
}

export type Recipe = (input: RecipeInput) => ContainerFiles;

/** What can be built from its sources alone has files; otherwise a finding says what is missing. */
export const refused = (finding: string): ContainerFiles => ({ files: {}, findings: [finding] });

export const NOT_READ =
  "The sources were not read: the Dockerfile assumes the usual layout. Name their folder (--out, or the column Repository of the inventory).";

/** The seed's timings. */
export const healthCheck = (command: string[]): string =>
  `HEALTHCHECK --interval=30s --timeout=3s --start-period=40s --retries=3 \\\n  CMD ${JSON.stringify(command)}`;

/** For images with BusyBox, Alpine's. */
export const wgetCheck = ({ port, healthPath }: RecipeInput): string =>
  healthCheck(["wget", "-q", "-O", "/dev/null", `http://localhost:${port}${healthPath}`]);

export const ignore = (own: string[]): string => [".git", ".env", ".env.*", "*.log", "Dockerfile", ".dockerignore", ...own, ""].join("\n");

/** Distributions keep one version of a package at a time: a pinned one cannot be installed a week later. */
export const unpinned = (rule: "DL3018" | "DL3008", command: string): string => `# hadolint ignore=${rule}\n${command}`;

/** A user without rights. Its number is what the manifests ask for. */
export const ALPINE_USER = "RUN addgroup -g 1001 -S app && adduser -S app -u 1001 -G app";

/** Lines of a Dockerfile; what is undefined is left out. */
export const lines = (...all: (string | undefined)[]): string => `${all.filter((line) => line !== undefined).join("\n")}\n`;

/** The first group of the first expression that matches in one of the texts. */
export function found(texts: (string | undefined)[], ...expressions: RegExp[]): string | undefined {
  for (const expression of expressions)
    for (const text of texts) {
      const value = text === undefined ? undefined : expression.exec(text)?.[1];
      if (value !== undefined) return value;
    }
  return undefined;
}
