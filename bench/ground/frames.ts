import { createHash, randomBytes } from "node:crypto";

/** As much of RFC 6455 as short text messages and the closing handshake need. */
export const TEXT = 1;
export const CLOSE = 8;

export const acceptOf = (key: string): string => createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** A frame of at most 125 bytes; a client's are masked. */
export function frame(opcode: number, payload: Buffer, masked: boolean): Buffer {
  if (payload.length > 125) throw new Error("a frame of more than 125 bytes");
  const head = Buffer.from([0x80 | opcode, (masked ? 0x80 : 0) | payload.length]);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}

/** Cuts what comes in into frames. */
export function frames(onFrame: (opcode: number, payload: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const [first, second] = rest;
      if (first === undefined || second === undefined) return;
      const start = second & 0x80 ? 6 : 2;
      const end = start + (second & 0x7f);
      if (rest.length < end) return;
      const mask = rest.subarray(2, 6);
      const payload = Buffer.from(rest.subarray(start, end)).map((byte, i) => (start === 6 ? byte ^ (mask[i % 4] ?? 0) : byte));
      rest = rest.subarray(end);
      onFrame(first & 0x0f, Buffer.from(payload));
    }
  };
}
