/** The text of a file, in the encodings that spreadsheets and exports write, and what was assumed about it. */
export interface Decoded {
  text: string;
  encoding: "UTF-8" | "UTF-16LE" | "UTF-16BE" | "Windows-1252";
  /** Nothing in the file says its encoding: letters outside ASCII may be others. */
  assumed: boolean;
}

/** Files of more bytes than this are judged by their beginning. */
const SAMPLE = 4_096;

export function decoded(content: string | Buffer): Decoded {
  if (typeof content === "string") return { text: content.replace(/^\uFEFF/, ""), encoding: "UTF-8", assumed: false };
  const as = (encoding: Decoded["encoding"], assumed: boolean): Decoded => ({
    text: new TextDecoder(encoding.toLowerCase()).decode(content),
    encoding,
    assumed,
  });
  if (content[0] === 0xff && content[1] === 0xfe) return as("UTF-16LE", false);
  if (content[0] === 0xfe && content[1] === 0xff) return as("UTF-16BE", false);
  const sample = content.subarray(0, SAMPLE);
  const zeros = (offset: number): number => sample.filter((byte, i) => i % 2 === offset && byte === 0).length;
  // Text in UTF-16 without a mark has a zero in nearly every second byte; no other text has one at all.
  if (zeros(1) > sample.length / 4) return as("UTF-16LE", true);
  if (zeros(0) > sample.length / 4) return as("UTF-16BE", true);
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(content), encoding: "UTF-8", assumed: false };
  } catch {
    // Windows-1252 is Latin-1 with letters in place of control characters: every byte is a letter in it.
    return as("Windows-1252", true);
  }
}
