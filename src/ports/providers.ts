/** Where an engine keeps its locks. */
export interface LockPlace {
  /** `folder` is one machine's; a bucket is shared by machines that may have the same name. */
  kind: "folder" | "bucket";
  /** Names of the locks under a path, such as `.pulumi/locks/organization/PROJECT/STACK`. */
  list(path: string): Promise<string[]>;
  /** undefined when it has gone meanwhile. */
  read(path: string): Promise<string | undefined>;
  remove(path: string): Promise<void>;
}

/** What the engine's driver must know of its backend and of the providers' resources, and cannot know by itself. */
export interface ProviderFacts {
  /** The locks' place by the engine's backend; undefined for one that nobody here can look at. */
  lockPlace(backendUrl: string): LockPlace | undefined;
  /** URN patterns of what sends users to a side, by the config's section that holds its weights: the engine's `--target`. */
  weighed: Record<"cutover:dns" | "cutover:traffic", string>;
  /** Whether creating a resource of this type again takes over what is there. */
  isApplied(type: string): boolean;
  /** What its provider keeps beside the outputs of a resource of this type, where it needs that to read them. */
  besideOutputs(type: string): object | undefined;
}
