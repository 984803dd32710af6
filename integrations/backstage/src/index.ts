export { isCutoverAvailable, STACK_ANNOTATION, stacksOf } from "./annotation";
export { CutoverElement, type CutoverElementProps } from "./CutoverElement";
export { CutoverFleetPage, cutoverPlugin, EntityCutoverCard, EntityCutoverContent } from "./plugin";
