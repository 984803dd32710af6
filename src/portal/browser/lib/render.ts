/**
 * A small virtual tree: views are functions that answer nodes, `patch` makes the page equal to them and touches nothing
 * that is equal already. So focus, scroll positions and open details stay where they are while events come in.
 */

type Value = string | number | boolean | undefined | null | ((event: never) => void) | Record<string, string>;
export type Props = Record<string, Value>;

export interface VNode {
  tag: string;
  /** Tells siblings apart when their order changes. */
  key: string | undefined;
  props: Props;
  children: Child[];
}
export type Child = VNode | string;
/** What a view may answer: nodes, text, lists of them, or nothing. */
export type View = VNode | string | number | false | null | undefined | View[];

/** `h("li", { class: "step", key: "a" }, "text", more)`. Handlers are properties such as `onclick`; `style` is an object. */
export function h(tag: string, props: Props | null, ...children: View[]): VNode {
  const { key, ...rest } = props ?? {};
  return { tag, key: key === undefined ? undefined : String(key), props: rest, children: flat(children) };
}

function flat(views: View[]): Child[] {
  const found: Child[] = [];
  for (const view of views) {
    if (Array.isArray(view)) found.push(...flat(view));
    else if (typeof view === "string" || typeof view === "number") found.push(String(view));
    else if (view !== null && view !== undefined && view !== false) found.push(view);
  }
  return found;
}

const SVG = "http://www.w3.org/2000/svg";
const nodeOf = new WeakMap<Node, VNode>();

/** Makes the children of a parent equal to the views. */
export function patch(parent: ParentNode & Node, ...views: View[]): void {
  const wanted = flat(views);
  const old = [...parent.childNodes];
  const byKey = new Map(old.flatMap((n) => (nodeOf.get(n)?.key === undefined ? [] : [[nodeOf.get(n)?.key, n] as const])));
  const spare = old.filter((n) => nodeOf.get(n)?.key === undefined);
  const nodes = wanted.map((child) => (typeof child === "string" ? textFor(child, spare) : elementFor(child, parent, byKey, spare)));
  // What goes, goes first: a node that stays where it is would lose the focus by being moved around it.
  const kept = new Set<Node>(nodes);
  for (const node of old) if (!kept.has(node)) node.remove();
  nodes.forEach((node, i) => {
    const at = parent.childNodes[i] ?? null;
    if (at !== node) parent.insertBefore(node, at);
  });
}

function textFor(text: string, spare: Node[]): Node {
  const at = spare[0]?.nodeType === 3 ? spare.shift() : undefined;
  if (at === undefined) return document.createTextNode(text);
  if (at.nodeValue !== text) at.nodeValue = text;
  return at;
}

function elementFor(child: VNode, parent: Node, byKey: Map<string | undefined, ChildNode>, spare: Node[]): Element {
  let node: Element | undefined;
  if (child.key !== undefined) {
    const known = byKey.get(child.key);
    if (known !== undefined && nodeOf.get(known)?.tag === child.tag) node = known as unknown as Element;
  } else {
    const index = spare.findIndex((n) => nodeOf.get(n)?.tag === child.tag);
    if (index !== -1) node = spare.splice(index, 1)[0] as Element;
  }
  if (node === undefined) {
    const svg = child.tag === "svg" || (parent instanceof SVGElement && parent.tagName !== "foreignObject");
    node = svg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
  }
  setProps(node, nodeOf.get(node)?.props ?? {}, child.props);
  nodeOf.set(node, child);
  patch(node, ...child.children);
  return node;
}

/** Properties that a page changes by itself, so that the attribute says nothing about them. */
const LIVE = new Set(["value", "checked", "open", "selected", "indeterminate"]);

function setProps(node: Element, before: Props, after: Props): void {
  for (const name of Object.keys(before)) if (!(name in after)) setProp(node, name, before[name], undefined);
  for (const [name, value] of Object.entries(after)) {
    // What somebody is typing stays, until the view wants something else.
    if (before[name] === value && name === "value" && node.matches(":focus")) continue;
    if (LIVE.has(name) || before[name] !== value || typeof value === "object") setProp(node, name, before[name], value);
  }
}

function setProp(node: Element, name: string, before: Value, value: Value): void {
  if (name === "style") {
    const style = (node as HTMLElement | SVGElement).style;
    for (const property of Object.keys((before ?? {}) as object))
      if (!(property in ((value ?? {}) as object))) style.removeProperty(property);
    for (const [property, text] of Object.entries((value ?? {}) as Record<string, string>)) style.setProperty(property, text);
  } else if (name.startsWith("on")) (node as unknown as Props)[name] = value ?? null;
  else if (LIVE.has(name)) {
    if (value !== undefined && (node as unknown as Props)[name] !== value) (node as unknown as Props)[name] = value;
  } else if (name === "data") (node as unknown as Props)[name] = value;
  else if (value === undefined || value === null || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}
