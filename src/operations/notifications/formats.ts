import type { NotificationConfig } from "../config.js";
import type { MigrationEvent } from "./events.js";

export interface Message {
  contentType: string;
  body: string;
}

/** An event as each kind of receiver wants it. */
export const FORMATS: Record<NotificationConfig["kind"], (event: MigrationEvent) => Message> = {
  slack: (event) => ({ contentType: "application/json", body: JSON.stringify({ text: slackText(event) }) }),
  webhook: (event) => ({ contentType: "application/json", body: JSON.stringify(event) }),
  cloudevents: (event) => ({ contentType: "application/cloudevents+json; charset=utf-8", body: JSON.stringify(cloudEvent(event)) }),
};

const ICONS: Partial<Record<MigrationEvent["type"], string>> = {
  "migration.held": ":warning:",
  "gate.failed": ":x:",
  emergency: ":rotating_light:",
  "users.back": ":leftwards_arrow_with_hook:",
  "rollback.started": ":leftwards_arrow_with_hook:",
  "approval.needed": ":raised_hand:",
  "migration.completed": ":white_check_mark:",
};

function slackText({ type, environment, summary }: MigrationEvent): string {
  // Slack's three control characters; nothing in a summary may mention people or link anywhere.
  const escaped = summary.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const icon = ICONS[type];
  return `${icon === undefined ? "" : `${icon} `}*${environment}* ${escaped}`;
}

/** CloudEvents 1.0, structured mode. */
function cloudEvent({ id, type, time, stack, step, ...data }: MigrationEvent) {
  return {
    specversion: "1.0",
    id,
    source: `/cutover/migrations/${stack}`,
    type: `cutover.${type}`,
    time,
    ...(step === undefined ? {} : { subject: step.id }),
    datacontenttype: "application/json",
    data: { stack, ...(step === undefined ? {} : { step }), ...data },
  };
}
