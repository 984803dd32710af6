/** What a recipe may know of an application's sources: the names of its files, and the texts of those that say how it is built. */
export interface Sources {
  /** Paths within the folder, with slashes, sorted. */
  files: readonly string[];
  /** A file's text; undefined for what is not there or says nothing of the build. */
  text(path: string): string | undefined;
}

/** Sources at hand as texts. `files` names further ones. */
export function sourcesOf(texts: Record<string, string>, files: readonly string[] = []): Sources {
  return { files: [...new Set([...files, ...Object.keys(texts)])].sort(), text: (path) => texts[path] };
}

/** Whether a file is there, by its path in the folder. */
export const has = (sources: Sources, path: string): boolean => sources.files.includes(path);

/** JSON that may be broken or absent; comments are no JSON. */
export function json<T>(sources: Sources, path: string): Partial<T> | undefined {
  const text = sources.text(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Partial<T>;
  } catch {
    return undefined;
  }
}
