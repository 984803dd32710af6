import { type ComponentChild, render } from "preact";
import type { Token, User } from "./api.js";
import { type Change, type Session, sessionOf } from "./session.js";
import { sheets } from "./styles.js";

/** Where the module came from is where the service is, unless the attribute `base` says otherwise. */
const HOME = new URL("./", import.meta.url).href;

const shared: { base?: string; token?: Token; user?: User } = {};

/** Sets what elements without attributes of their own use, for all of a page at once. */
export function configure(options: typeof shared): void {
  Object.assign(shared, options);
  for (const element of connected) element.reconnect();
}
const connected = new Set<CutoverElement>();

/**
 * What both elements have in common: a shadow root with the sheets, the session by `base`, `token` and `user`, and a
 * view that is drawn again, at most once a frame, whenever something changed.
 */
export abstract class CutoverElement extends HTMLElement {
  static observedAttributes: string[] = ["base", "token", "user"];
  /** Set by a page that does not want its credential in an attribute; may be a function. */
  #token: Token;
  protected session: Session | undefined;
  private root: ShadowRoot | undefined;
  private stopListening: (() => void) | undefined;
  private due = false;

  get token(): Token {
    return this.#token ?? this.getAttribute("token") ?? shared.token;
  }
  set token(token: Token) {
    this.#token = token;
    if (this.isConnected) this.reconnect();
  }

  connectedCallback(): void {
    connected.add(this);
    if (this.root === undefined) {
      this.root = this.attachShadow({ mode: "open" });
      this.root.adoptedStyleSheets = sheets;
    }
    this.reconnect();
  }

  disconnectedCallback(): void {
    connected.delete(this);
    this.stopListening?.();
    this.stopListening = undefined;
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (!this.isConnected || before === after) return;
    if (["base", "token", "user"].includes(name)) this.reconnect();
    else this.update();
  }

  reconnect(): void {
    this.stopListening?.();
    const given = this.getAttribute("base") ?? shared.base;
    const base = given === undefined ? HOME : new URL(given.endsWith("/") ? given : `${given}/`, document.baseURI).href;
    this.session = sessionOf({ base, token: this.token, user: this.getAttribute("user") ?? shared.user });
    this.stopListening = this.session.listen((change) => {
      this.changed(change);
      this.update();
    });
    this.update();
  }

  /** Draws again soon. */
  update(): void {
    if (this.due) return;
    this.due = true;
    // A hidden page gets no frames, but its elements still have to be right.
    setTimeout(() => {
      this.due = false;
      if (this.root === undefined || !this.isConnected) return;
      render(this.drawn(), this.root);
      for (const dialog of this.root.querySelectorAll<HTMLDialogElement>("dialog[data-modal]"))
        if (!dialog.open && dialog.isConnected) dialog.showModal();
    }, 16);
  }

  /** Tells the host page. @returns false when it called `preventDefault` */
  protected emit(name: string, detail: object): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  /**
   * What it shows. Where a member has an attribute's name, Preact (as our own page) and React 19 set the member: it needs a
   * setter then, or another name.
   */
  protected abstract drawn(): ComponentChild;
  protected changed(_change: Change): void {}
}
