import { createElement, useEffect, useRef, useState } from "react";
import { loadElements } from "./elements";

export interface CutoverElementProps {
  /** `cutover-migration` or `cutover-fleet`. */
  tag: "cutover-migration" | "cutover-fleet";
  /** Where the service is. */
  baseUrl: string;
  /** Answers a token that the service accepts, each time one is needed. */
  token: () => Promise<string>;
  stack?: string;
  view?: string;
  /** Only shows, and offers no commands. */
  readOnly?: boolean;
  theme?: "light" | "dark" | "auto";
  /** A migration was chosen in the fleet. */
  onSelect?: (stack: string) => void;
  /** The elements could not be loaded. */
  onError?: (error: Error) => void;
}

type Element = HTMLElement & { token?: () => Promise<string> };

/** One of the service's elements in React: attributes, the token as a property, and its event. */
export function CutoverElement({ tag, baseUrl, token, stack, view, readOnly = false, theme, onSelect, onError }: CutoverElementProps) {
  const ref = useRef<Element>(null);
  const [ready, setReady] = useState(false);

  useEffect(() => {
    let current = true;
    loadElements(baseUrl).then(
      () => current && setReady(true),
      (error: Error) => current && onError?.(error),
    );
    return () => {
      current = false;
    };
  }, [baseUrl, onError]);

  useEffect(() => {
    const element = ref.current;
    if (!ready || element === null) return undefined;
    // A property, so that the token stands in no attribute.
    element.token = token;
    const select = (event: Event): void => {
      event.preventDefault();
      onSelect?.((event as CustomEvent<{ stack: string }>).detail.stack);
    };
    if (onSelect !== undefined) element.addEventListener("cutover-select", select);
    return () => element.removeEventListener("cutover-select", select);
  }, [ready, token, onSelect]);

  if (!ready) return null;
  return createElement(tag, { ref, base: baseUrl, stack, view, theme, ...(readOnly ? { actions: "off" } : {}) });
}
