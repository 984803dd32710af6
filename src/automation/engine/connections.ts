import type { Client } from "@grpc/grpc-js";
import type { PulumiFn } from "@pulumi/pulumi/automation/index.js";
import { getEngine, getMonitor } from "@pulumi/pulumi/runtime/index.js";

/** A program for one call of the engine. */
export interface Connected {
  program: PulumiFn;
  /** Once the call has ended. */
  disconnect(): void;
}

/**
 * Each run of an inline program opens two connections to its engine. The SDK closes neither when the run ends, and their
 * timers keep everything that the run made: 60 KiB an advance, for as long as the process lives.
 */
export function connected(program: PulumiFn): Connected {
  const connections: (Client | undefined)[] = [];
  return {
    program: async () => {
      // Only in here are they those of this run. Their types leave out that they are clients of gRPC.
      connections.push(getMonitor() as unknown as Client | undefined, getEngine() as unknown as Client | undefined);
      return (await program()) as Record<string, unknown> | undefined;
    },
    disconnect: () => {
      for (const connection of connections.splice(0)) connection?.close();
    },
  };
}
