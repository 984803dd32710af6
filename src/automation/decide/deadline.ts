/** How long after an instant a step must be done, and what is said when it is not. */
export interface Deadline {
  from: number;
  mostMs: number;
  why: string;
}

/** A clock that was set back by more than that says nothing of how long it was: that is late too. */
export const isLate = ({ from, mostMs }: Omit<Deadline, "why">, now: number): boolean => Math.abs(now - from) > mostMs;
