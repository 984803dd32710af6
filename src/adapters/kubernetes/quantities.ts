const MEMORY: Record<string, number> = { Ki: 1_024, Mi: 1_024 ** 2, Gi: 1_024 ** 3, Ti: 1_024 ** 4, k: 1_000, M: 1e6, G: 1e9 };

/** A CPU quantity in thousandths of a core. */
export function millicores(text: string): number {
  const value = Number.parseFloat(text);
  if (text.endsWith("n")) return value / 1e6;
  if (text.endsWith("u")) return value / 1e3;
  return text.endsWith("m") ? value : value * 1_000;
}

/** A memory quantity in mebibytes. */
export function mebibytes(text: string): number {
  const [, number = "0", unit = ""] = /^([\d.]+)([A-Za-z]*)$/.exec(text) ?? [];
  return (Number(number) * (MEMORY[unit] ?? 1)) / 1_024 ** 2;
}
