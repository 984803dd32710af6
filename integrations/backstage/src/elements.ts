const loaded = new Map<string, Promise<void>>();

/** The address of the service's module of elements. */
export const elementsUrl = (baseUrl: string): string => new URL("elements.js", baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`).href;

/** Loads the elements from the service, once for each; a failure may be tried again. */
export function loadElements(baseUrl: string, load: (url: string) => Promise<unknown> = importModule): Promise<void> {
  const url = elementsUrl(baseUrl);
  let known = loaded.get(url);
  if (known === undefined) {
    known = load(url).then(() => undefined);
    known.catch(() => loaded.delete(url));
    loaded.set(url, known);
  }
  return known;
}

/** The module comes from the service as it runs, not from a bundle, so that both are always of one version. */
const importModule = (url: string): Promise<unknown> => import(/* webpackIgnore: true */ /* @vite-ignore */ url);
