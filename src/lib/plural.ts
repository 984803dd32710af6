/** `1 row`, `2 rows`, `0 entries`: a count with its noun. `many` is for nouns that take more than an s. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
