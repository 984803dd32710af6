import { randomUUID } from "node:crypto";
import type { QueryResultRow } from "pg";
import type { Database, Query } from "../../database/database.js";
import { openDatabase } from "../../database/open.js";
import { Conflict } from "../../errors.js";
import { ChainCheck, type ChainFault, type Head, lineOf, record, requireIntact } from "../journal/chain.js";
import type { Entry, Recorded } from "../journal/entries.js";
import { checkHeads, ensureHeads, STACKS } from "./heads.js";
import { JournalCache } from "./journalCache.js";
import { FENCE_LEAP, KnownHeads } from "./knownHeads.js";
import { isLease, type Lease, lostTo, requireUnmoved, type Store } from "./store.js";

export interface SqlStoreOptions {
  /** Seconds that a lease lasts without being renewed; it is renewed three times as often. @default 30 */
  leaseSeconds?: number;
  /** Connections at most. @default 8 */
  connections?: number;
  /** Seconds between two looks whether the table of heads agrees with the journals. @default 60 */
  checkSeconds?: number;
}

/** The schema's versions, in order; each is applied once. */
const VERSIONS = [
  `CREATE TABLE cutover.journal (
     stack text NOT NULL,
     seq integer NOT NULL,
     entry text NOT NULL,
     PRIMARY KEY (stack, seq)
   );
   CREATE TABLE cutover.lease (
     stack text PRIMARY KEY,
     holder text NOT NULL,
     fence integer NOT NULL,
     expires_at timestamptz NOT NULL,
     released boolean NOT NULL DEFAULT false
   );
   CREATE TABLE cutover.evidence (
     stack text NOT NULL,
     name text NOT NULL,
     content text NOT NULL,
     PRIMARY KEY (stack, name)
   )`,
];

const TRUST = `INSERT INTO cutover.incarnation (stack, value, started) VALUES ($1, $2, $3)
  ON CONFLICT (stack) DO UPDATE SET value = excluded.value, started = excluded.started`;

/** Takes a stack's turn. An answered entry is on disk, and on the standbys that are waited for, whatever the server's default is. */
const TURN = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0)), set_config('synchronous_commit',
  CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END, true)`;

/** Entries that are verified at a time. */
const PAGE = 200;

const CHANNEL = "cutover_journal";
/** Names of advisory locks; any numbers, the same in every version. */
const SCHEMA_LOCK = 7_261_001;

/**
 * Journals, leases and evidence in PostgreSQL, for any number of service processes. An append locks its stack for the
 * length of one transaction, checks the lease's fencing token and chains to the entry that is last there and then; a
 * lease ends when it is not renewed, and its holder knows that before anybody else may take it.
 */
export class SqlStore implements Store {
  private readonly cache = new JournalCache();
  /** One look at a journal at a time: two would take the same entries in twice. */
  private readonly looks = new Map<string, Promise<unknown>>();
  /** Lengths of journals as far as this process wrote or read them; all there is when the database is not shared. */
  private readonly lengthsHere = new Map<string, number>();
  private readonly listeners = new Set<(stack: string, offered: boolean) => void>();
  private readonly renewals = new Map<string, { timer: NodeJS.Timeout; lose: (why: string) => void }>();
  private readonly instance = randomUUID();
  private heads: KnownHeads;
  private checking: NodeJS.Timeout | undefined;
  /** Whether it was counted among the service processes. */
  private service = false;
  private constructor(
    private readonly database: Database,
    private readonly leaseMs: number,
  ) {
    this.heads = this.knownHeads("");
  }

  /** @throws UserError for an address that is none, Transient when the server does not answer */
  static async open(url: string, { leaseSeconds = 30, connections, checkSeconds = 60 }: SqlStoreOptions = {}): Promise<SqlStore> {
    const store = new SqlStore(await openDatabase(url, connections), leaseSeconds * 1_000);
    try {
      await store.migrate();
      await store.checkHeads();
      store.heads = store.knownHeads(await store.incarnation());
      if (!store.database.shared) await store.endLeases();
      await store.listen();
      store.checking = setInterval(() => void store.checkHeads().catch(() => undefined), checkSeconds * 1_000).unref();
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  private knownHeads(opened: string): KnownHeads {
    const heads = new KnownHeads(this.database.where, () => this.incarnation(), opened);
    heads.onRestored(() => {
      this.lengthsHere.clear();
      this.cache.clear();
    });
    return heads;
  }

  /** Whether other processes may use it too. */
  get shared(): boolean {
    return this.database.shared;
  }

  async answers(): Promise<void> {
    await this.database.query("SELECT 1 FROM cutover.head LIMIT 1", []);
  }

  async stacks(): Promise<string[]> {
    return (await this.database.query<{ stack: string }>(STACKS, [])).map((r) => r.stack);
  }

  async lengths(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.database.query<{ stack: string; seq: number }>("SELECT stack, seq FROM cutover.head ORDER BY stack", []);
    return new Map(rows.map((r) => [r.stack, r.seq]));
  }

  /** What disagreed may have hidden other processes' entries from whoever lists. */
  private async checkHeads(): Promise<void> {
    for (const stack of await checkHeads(this.database.query, (use) => this.database.transaction(use))) this.tell(stack);
  }

  private tell(stack: string, offered = false): void {
    for (const listener of this.listeners) listener(stack, offered);
  }

  entries(stack: string, after = 0): Promise<Recorded[]> {
    const look = (this.looks.get(stack) ?? Promise.resolve()).then(() => this.looked(stack, after));
    const settled = look.catch(() => undefined).finally(() => this.looks.get(stack) === settled && this.looks.delete(stack));
    this.looks.set(stack, settled);
    return look;
  }

  private async looked(stack: string, after: number): Promise<Recorded[]> {
    try {
      const head = this.cache.head(stack);
      if (after > 0 && head?.seq === after) return await this.news(stack, head);
      const known = this.cache.entries(stack);
      if (known === undefined || head === undefined) return (await this.whole(stack)).slice(after);
      await this.news(stack, head);
      return after === 0 ? known : known.slice(after);
    } catch (error) {
      throw await this.heads.orRestored(error);
    }
  }

  async verify(stack: string): Promise<ChainFault[]> {
    const check = new ChainCheck(this.cache.head(stack));
    for (let after = 0; ; ) {
      const rows = await this.database.query<{ seq: number; entry: string }>(
        "SELECT seq, entry FROM cutover.journal WHERE stack = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        [stack, after, PAGE],
      );
      check.take(rows.map((r) => r.entry));
      if (rows.length < PAGE) return check.end();
      after = rows.at(-1)?.seq ?? after;
    }
  }

  private async whole(stack: string): Promise<Recorded[]> {
    const last = this.cache.head(stack);
    const { entries, lines } = await this.read(stack, 0);
    requireIntact(entries, `of ${stack} (${this.database.where})`, { lines, last });
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    const newest = entries.at(-1);
    if (newest !== undefined) {
      this.cache.keep(stack, entries, bytes);
      this.grown(stack, newest);
    }
    return entries;
  }

  private async news(stack: string, head: Head): Promise<Recorded[]> {
    // Nobody else writes, and what was written here is known.
    if (!this.shared && this.lengthsHere.get(stack) === head.seq) return [];
    const { entries, lines } = await this.read(stack, head.seq);
    requireIntact(entries, `of ${stack} (${this.database.where})`, { follows: head, lines });
    for (const [i, entry] of entries.entries()) this.cache.add(stack, entry, lines[i]?.length ?? 0);
    this.grown(stack, entries.at(-1) ?? head);
    return entries;
  }

  /** A look that began before an append may end after it. */
  private grown(stack: string, { seq, hash }: Head): void {
    this.lengthsHere.set(stack, Math.max(seq, this.lengthsHere.get(stack) ?? 0));
    this.heads.grown(stack, { seq, hash });
  }

  private async read(stack: string, after: number): Promise<{ entries: Recorded[]; lines: string[] }> {
    const rows = await this.database.query<{ entry: string }>(
      "SELECT entry FROM cutover.journal WHERE stack = $1 AND seq > $2 ORDER BY seq",
      [stack, after],
    );
    const lines = rows.map((r) => r.entry);
    return { entries: lines.map((line) => JSON.parse(line) as Recorded), lines };
  }

  async append(stack: string, entry: Entry, at: number, by?: Lease | { after: number }): Promise<Recorded> {
    try {
      return await this.appended(stack, entry, at, by);
    } catch (error) {
      throw await this.heads.orRestored(error);
    }
  }

  private async appended(stack: string, entry: Entry, at: number, by?: Lease | { after: number }): Promise<Recorded> {
    const recorded = await this.database.transaction(async (query) => {
      await query(TURN, [stack]);
      if (isLease(by)) {
        const [held] = await query<LeaseRow>("SELECT fence, holder, released FROM cutover.lease WHERE stack = $1 FOR SHARE", [stack]);
        if (held?.fence !== by.fence || held.released) throw this.lose(by, held?.holder);
      }
      const [last] = await query<{ entry: string }>("SELECT entry FROM cutover.journal WHERE stack = $1 ORDER BY seq DESC LIMIT 1", [
        stack,
      ]);
      const before = last === undefined ? undefined : (JSON.parse(last.entry) as Recorded);
      await this.heads.require(stack, before, async (seq) => {
        const [there] = await query<{ entry: string }>("SELECT entry FROM cutover.journal WHERE stack = $1 AND seq = $2", [stack, seq]);
        return there === undefined ? undefined : (JSON.parse(there.entry) as Recorded);
      });
      requireUnmoved(by, before);
      const recorded = record(entry, before, at, isLease(by) ? by.fence : 0);
      // A journal that begins is trusted from its first line on: whatever is lost of it later is told from that.
      if (before === undefined && this.shared) await query(TRUST, [stack, ...(await this.server(query))]);
      await query("INSERT INTO cutover.journal (stack, seq, entry) VALUES ($1, $2, $3)", [stack, recorded.seq, lineOf(recorded)]);
      await query("SELECT pg_notify($1, $2)", [CHANNEL, JSON.stringify({ stack, from: this.instance })]);
      return recorded;
    });
    this.grown(stack, recorded);
    return recorded;
  }

  async isDoubtful(stack: string): Promise<boolean> {
    if (!this.shared) return false;
    const [value, started] = await this.server();
    const [trusted] = await this.database.query<{ value: string; started: string | null }>(
      "SELECT value, started FROM cutover.incarnation WHERE stack = $1",
      [stack],
    );
    // Of the first lease under this version nothing is known that would speak against it.
    if (trusted === undefined) await this.trust(stack);
    return trusted !== undefined && (trusted.value !== value || (trusted.started !== null && trusted.started !== started));
  }

  async trust(stack: string): Promise<void> {
    await this.database.query(TRUST, [stack, ...(await this.server())]);
  }

  onRestored(listener: () => void): void {
    this.heads.onRestored(listener);
  }

  /** Tells a database from the one that it was before a failover, a restore or a restart. */
  async incarnation(): Promise<string> {
    return this.shared ? (await this.server()).join("/") : "this process's own";
  }

  /**
   * Its system with the timeline that it writes, and when it was started: a snapshot of its disk that is started again has the
   * same timeline. Earlier versions of cutover know the first alone.
   */
  private async server(query: Query = this.database.query): Promise<[string, string]> {
    const [row] = await query<{ system: string; timeline: string; started: string }>(
      `SELECT (SELECT system_identifier FROM pg_control_system())::text AS system,
         substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline,
         extract(epoch FROM pg_postmaster_start_time())::text AS started`,
    );
    return [`${row?.system}/${row?.timeline}`, row?.started ?? ""];
  }

  async adopt(stack: string, entries: readonly Recorded[]): Promise<void> {
    requireIntact(entries, `of ${stack}`);
    await this.database.transaction(async (query) => {
      await query(TURN, [stack]);
      const [there] = await query("SELECT 1 FROM cutover.journal WHERE stack = $1 LIMIT 1", [stack]);
      if (there !== undefined) throw new Conflict(`There is a journal of ${stack} already.`);
      // One statement: a statement an entry takes a round trip each.
      await query(
        "INSERT INTO cutover.journal (stack, seq, entry) SELECT $1, seq, entry FROM json_array_elements_text($2::json) WITH ORDINALITY AS e (entry, seq)",
        [stack, JSON.stringify(entries.map(lineOf))],
      );
    });
  }

  async keepFile(stack: string, name: string, content: string): Promise<string> {
    // PostgreSQL's text has no NUL; logs may.
    await this.database.query(
      "INSERT INTO cutover.evidence (stack, name, content) VALUES ($1, $2, $3) ON CONFLICT (stack, name) DO UPDATE SET content = excluded.content",
      [stack, name, content.replaceAll("\0", "\uFFFD")],
    );
    return name;
  }

  async file(stack: string, name: string): Promise<string | undefined> {
    const rows = await this.database.query<{ content: string }>("SELECT content FROM cutover.evidence WHERE stack = $1 AND name = $2", [
      stack,
      name,
    ]);
    return rows[0]?.content;
  }

  async files(stack: string): Promise<string[]> {
    const rows = await this.database.query<{ name: string }>("SELECT name FROM cutover.evidence WHERE stack = $1 ORDER BY name", [stack]);
    return rows.map((r) => r.name);
  }

  async lease(stack: string, holder: string): Promise<Lease> {
    const forward = (await this.isDoubtful(stack)) ? FENCE_LEAP : 1;
    const [taken] = await this.database.query<{ fence: number }>(
      `INSERT INTO cutover.lease (stack, holder, fence, expires_at) VALUES ($1, $2, $4, now() + $3 * interval '1 millisecond')
       ON CONFLICT (stack) DO UPDATE SET holder = $2, fence = lease.fence + $4, expires_at = excluded.expires_at, released = false
       WHERE lease.released OR lease.expires_at < now()
       RETURNING fence`,
      [stack, holder, this.leaseMs, forward],
    );
    if (taken === undefined) {
      const [held] = await this.database.query<LeaseRow>("SELECT fence, holder, released FROM cutover.lease WHERE stack = $1", [stack]);
      throw new Conflict(`${stack} is run by ${held?.holder ?? "another process"}.`, {
        ...(held === undefined ? {} : { holder: held.holder }),
        next: "Wait until it has finished, or pause it first.",
      });
    }
    const lost = new AbortController();
    const lease: Lease = { stack, holder, fence: taken.fence, lost: lost.signal };
    this.keepRenewing(lease, lost);
    return lease;
  }

  async requireHeld(lease: Lease): Promise<void> {
    if (lease.lost?.aborted === true) throw lostTo(lease, undefined);
    if (!(await this.renew(lease))) throw this.lose(lease, await this.holderOf(lease.stack));
  }

  async release(lease: Lease, { offer = false }: { offer?: boolean } = {}): Promise<void> {
    this.endRenewing(lease);
    await this.database.query("UPDATE cutover.lease SET released = true WHERE stack = $1 AND fence = $2", [lease.stack, lease.fence]);
    if (!offer) return;
    const payload = JSON.stringify({ stack: lease.stack, from: this.instance, offered: true });
    await this.database.query("SELECT pg_notify($1, $2)", [CHANNEL, payload]);
  }

  async processes(holder: string, withinMs: number): Promise<number> {
    this.service = true;
    await this.database.query(
      `INSERT INTO cutover.process (instance, holder, seen_at) VALUES ($1, $2, now()) ON CONFLICT (instance) DO UPDATE SET seen_at = now()`,
      [this.instance, holder],
    );
    const [row] = await this.database.query<{ alive: number }>(
      `WITH gone AS (DELETE FROM cutover.process WHERE seen_at < now() - interval '1 day')
       SELECT count(*)::int AS alive FROM cutover.process WHERE seen_at >= now() - $1 * interval '1 millisecond'`,
      [withinMs],
    );
    return Math.max(1, row?.alive ?? 1);
  }

  async held(stacks: readonly string[]): Promise<ReadonlySet<string>> {
    if (stacks.length === 0) return new Set();
    const rows = await this.database.query<{ stack: string }>(
      "SELECT stack FROM cutover.lease WHERE stack = ANY($1) AND NOT released AND expires_at >= now()",
      [stacks],
    );
    return new Set(rows.map((r) => r.stack));
  }

  onForeign(listener: (stack: string, offered: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    clearInterval(this.checking);
    for (const { timer } of this.renewals.values()) clearInterval(timer);
    this.renewals.clear();
    // The others need not wait to be its successors.
    if (this.service) await this.database.query("DELETE FROM cutover.process WHERE instance = $1", [this.instance]).catch(() => undefined);
    await this.database.close();
  }

  /** Renews until it is given back. A holder that cannot renew stops before the lease ends for others. */
  private keepRenewing(lease: Lease, lost: AbortController): void {
    let renewedAt = performance.now();
    const lose = (why: string): void => {
      this.endRenewing(lease);
      if (!lost.signal.aborted) lost.abort(new Conflict(`The lease ${lease.fence} of ${lease.stack} was lost: ${why}.`));
    };
    const timer = setInterval(async () => {
      const began = performance.now();
      const renewed = await this.renew(lease).catch(() => undefined);
      if (renewed === true) renewedAt = began;
      else if (renewed === false) lose("another process took it");
      else if (performance.now() - renewedAt > (2 * this.leaseMs) / 3) lose("the database does not answer");
    }, this.leaseMs / 3);
    this.renewals.set(keyOf(lease), { timer, lose });
  }

  private endRenewing(lease: Lease): void {
    clearInterval(this.renewals.get(keyOf(lease))?.timer);
    this.renewals.delete(keyOf(lease));
  }

  private async renew(lease: Lease): Promise<boolean> {
    const rows = await this.database.query(
      "UPDATE cutover.lease SET expires_at = now() + $3 * interval '1 millisecond' WHERE stack = $1 AND fence = $2 AND NOT released RETURNING 1",
      [lease.stack, lease.fence, this.leaseMs],
    );
    return rows.length > 0;
  }

  private async holderOf(stack: string): Promise<string | undefined> {
    return (await this.database.query<LeaseRow>("SELECT holder FROM cutover.lease WHERE stack = $1", [stack]))[0]?.holder;
  }

  private lose(lease: Lease, holder: string | undefined): Conflict {
    this.renewals.get(keyOf(lease))?.lose(`to ${holder ?? "nobody"}`);
    return lostTo(lease, holder);
  }

  /** Of earlier processes: none of them lives, since the database is this one's. */
  private async endLeases(): Promise<void> {
    await this.database.query("UPDATE cutover.lease SET released = true");
  }

  private async migrate(): Promise<void> {
    await this.database.transaction(async (query) => {
      await query("SELECT pg_advisory_xact_lock($1)", [SCHEMA_LOCK]);
      await query("CREATE SCHEMA IF NOT EXISTS cutover");
      await query(
        "CREATE TABLE IF NOT EXISTS cutover.schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())",
      );
      // Beside the versions, since earlier ones of cutover go on over the same schema while a service is upgraded.
      await query("CREATE TABLE IF NOT EXISTS cutover.incarnation (stack text PRIMARY KEY, value text NOT NULL)");
      await query("ALTER TABLE cutover.incarnation ADD COLUMN IF NOT EXISTS started text");
      await query(
        "CREATE TABLE IF NOT EXISTS cutover.process (instance text PRIMARY KEY, holder text NOT NULL, seen_at timestamptz NOT NULL)",
      );
      const [{ version = 0 } = {}] = await query<{ version: number }>(
        "SELECT coalesce(max(version), 0) AS version FROM cutover.schema_version",
      );
      if (version > VERSIONS.length)
        throw new Conflict(`The schema of ${this.database.where} has version ${version}; this cutover knows ${VERSIONS.length}.`, {
          next: "Use the newer version of cutover that made it.",
        });
      for (const [i, text] of VERSIONS.slice(version).entries()) {
        await query(text);
        await query("INSERT INTO cutover.schema_version (version) VALUES ($1)", [version + i + 1]);
      }
      // Beside the versions too.
      await ensureHeads(query);
    });
  }

  /** Hears of other processes' entries; after a break everything may have been missed. */
  private listen(): Promise<void> {
    return this.database.listen(
      CHANNEL,
      (payload) => {
        const { stack, from, offered } = JSON.parse(payload) as { stack: string; from: string; offered?: boolean };
        if (from !== this.instance) this.tell(stack, offered);
      },
      async () => {
        for (const stack of await this.stacks()) this.tell(stack);
      },
    );
  }
}

interface LeaseRow extends QueryResultRow {
  holder: string;
  fence: number;
  released: boolean;
}
const keyOf = ({ stack, fence }: Lease): string => `${stack} ${fence}`;
