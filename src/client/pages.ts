/**
 * Every page of a list, one after another.
 *
 *     for await (const { entries } of pagesOf((after?: number) => cutover.getJournal(stack, { after }))) show(entries);
 *
 * @param page answers the page after that place; the first one without a place
 */
export async function* pagesOf<T extends { next?: number | string }>(
  page: (after?: T["next"]) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  for (let after: T["next"] | undefined; ; ) {
    const answer = await page(after);
    yield answer;
    if (answer.next === undefined) return;
    after = answer.next;
  }
}
