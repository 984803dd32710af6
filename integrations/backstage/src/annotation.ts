/** Names the stacks of an entity, separated by commas: `web-api-staging, web-api-production`. */
export const STACK_ANNOTATION = "cutover.dev/stack";

/** As much of an entity as is read here. */
export interface Annotated {
  metadata: { annotations?: Record<string, string> };
}

const STACK = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** The stacks that an entity names, each once, in its order; what can be no stack's name is left out. */
export function stacksOf(entity: Annotated): string[] {
  const text = entity.metadata.annotations?.[STACK_ANNOTATION] ?? "";
  return [
    ...new Set(
      text
        .split(",")
        .map((t) => t.trim())
        .filter((t) => STACK.test(t)),
    ),
  ];
}

/** For `EntitySwitch.Case` and conditional tabs. */
export const isCutoverAvailable = (entity: Annotated): boolean => stacksOf(entity).length > 0;
