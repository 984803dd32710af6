import type { Migration } from "../lib/types.js";
import { STATUS } from "../views/parts.js";

const KEY = "cutover-notify";

/** Whether the browser shows notifications at all: not without a secure address, and not once somebody refused. */
export const mayNotify = (): boolean => "Notification" in globalThis && isSecureContext && Notification.permission !== "denied";

export const isNotifying = (): boolean => mayNotify() && Notification.permission === "granted" && localStorage.getItem(KEY) === "on";

/** Asks the browser for its permission, the first time. */
export async function useNotifications(on: boolean): Promise<void> {
  const granted = on && (await Notification.requestPermission()) === "granted";
  localStorage.setItem(KEY, granted ? "on" : "off");
}

/** Tells whoever looks elsewhere that a migration needs a person; a newer notification of the same one takes its place. */
export function notify({ stack, status, step, heldReason }: Migration): void {
  if (!isNotifying() || document.hasFocus()) return;
  const body = heldReason ?? step?.asks ?? step?.title ?? "";
  const shown = new Notification(`${stack}: ${STATUS[status].word}`, { body, tag: stack });
  shown.onclick = () => {
    focus();
    location.hash = `#/${encodeURIComponent(stack)}`;
    shown.close();
  };
}
