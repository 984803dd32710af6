/** The name under which every object of a stack is applied to its cluster. */
export const FIELD_MANAGER = "cutover";
