/** What keeps requests from being dropped and bad versions from users; each can be switched off, to see what it is worth. */
export interface Protections {
  /** Pods go on serving for a pause before they are told to stop. */
  preStop: boolean;
  /** The load balancer lets requests of a target that leaves come to their end. */
  deregistrationDelay: boolean;
  /** Pods are ready once the load balancer finds them healthy. */
  readinessGate: boolean;
  /** Nobody is sent to pods before they are ready, and their targets healthy. */
  readinessBeforeWeight: boolean;
  /** A step's gates are watched, and a bad one goes back. */
  gates: boolean;
  /** In an emergency the weights are set at once, past the engine. */
  weightsFirst: boolean;
}

export const ALL_ON: Protections = {
  preStop: true,
  deregistrationDelay: true,
  readinessGate: true,
  readinessBeforeWeight: true,
  gates: true,
  weightsFirst: true,
};

export const without = (protection: keyof Protections | undefined): Protections =>
  protection === undefined ? ALL_ON : { ...ALL_ON, [protection]: false };
