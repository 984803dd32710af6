// Tables of Markdown.
export const cell = (text) => String(text).replaceAll("|", "\\|").replaceAll("\n", " ");
export const row = (...cells) => `| ${cells.map(cell).join(" | ")} |`;
export const table = (header, rows) => [row(...header), `|${"---|".repeat(header.length)}`, ...rows].join("\n");
