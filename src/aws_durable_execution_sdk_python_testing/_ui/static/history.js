// What a history says: operations, their attempts, and when the function ran. No elements here.
//
// Events are fed once each, in order. An operation's members change in place, so that whoever
// holds one sees it as it is now.

const KINDS = ["ChainedInvoke", "Execution", "Context", "Step", "Wait", "Callback"];
const OUTCOMES = {
  Started: "STARTED",
  Succeeded: "SUCCEEDED",
  Failed: "FAILED",
  Cancelled: "CANCELLED",
  TimedOut: "TIMED_OUT",
  Stopped: "STOPPED",
};
// Events that come from elsewhere, also while no invocation runs.
const FROM_OUTSIDE = /^(Execution|InvocationCompleted|Wait(Succeeded|Cancelled)|(Callback|ChainedInvoke)(?!Started))/;
const BATCHES = new Set(["Map", "Parallel"]);
const BRANCHES = new Set(["MapIteration", "ParallelBranch"]);

export class Operation {
  constructor(event, kind) {
    this.id = event.Id;
    this.parentId = event.ParentId ?? null;
    this.kind = kind;
    this.subType = event.SubType ?? kind;
    this.name = event.Name ?? "";
    this.status = "STARTED";
    this.start = event.EventTimestamp;
    this.end = null;
    this.attempts = [];
    this.children = [];
    // How many children have each status.
    this.tally = {};
    this.details = {};
  }

  get isBatch() {
    return BATCHES.has(this.subType);
  }

  /** Whether it is a part of a batch. */
  get isBranch() {
    return BRANCHES.has(this.subType);
  }

  get ended() {
    return this.end !== null;
  }

  /** When it is due, if it waits: for time to pass, or for its next attempt. */
  get due() {
    if (this.kind === "Wait") return this.details.ScheduledEndTimestamp ?? null;
    return this.status === "PENDING" ? (this.attempts.at(-1)?.next ?? null) : null;
  }
}

export class History {
  constructor() {
    this.operations = new Map();
    this.top = [];
    this.invocations = [];
    this.pauses = [];
    this.start = null;
    this.end = null;
    // When the invocation in flight began, as far as its first event tells.
    this.inFlight = null;
    this.last = 0;
  }

  /** Whether the function runs now. */
  get isRunning() {
    return this.end === null && this.inFlight !== null;
  }

  /** How far what has not ended reaches; `now` is the service's time. */
  until(now) {
    return this.end ?? Math.max(now, this.last);
  }

  get seconds() {
    return this.invocations.reduce((sum, one) => sum + one.end - one.start, 0);
  }

  feed(events) {
    for (const event of events) {
      this.last = Math.max(this.last, event.EventTimestamp);
      this.#take(event);
    }
  }

  #take(event) {
    const type = event.EventType;
    const details = event[`${type}Details`] ?? {};
    if (type === "InvocationCompleted") {
      this.invocations.push({
        start: details.StartTimestamp,
        end: details.EndTimestamp,
        failed: Boolean(details.Error),
      });
      this.inFlight = null;
      return;
    }
    if (type === "ExecutionPaused") this.pauses.push({ start: event.EventTimestamp, end: null });
    if (type === "ExecutionResumed" && this.pauses.length) this.pauses.at(-1).end = event.EventTimestamp;
    if (!FROM_OUTSIDE.test(type)) this.inFlight ??= event.EventTimestamp;
    const kind = KINDS.find((one) => type.startsWith(one));
    const outcome = kind && OUTCOMES[type.slice(kind.length)];
    if (!outcome) return;
    if (kind === "Execution") this.#bound(event, outcome);
    else this.#change(event, kind, outcome, details);
  }

  #bound(event, outcome) {
    if (outcome === "STARTED") {
      this.start = event.EventTimestamp;
      this.inFlight = event.EventTimestamp;
    } else {
      this.end = event.EventTimestamp;
      this.inFlight = null;
    }
  }

  #change(event, kind, outcome, details) {
    const known = this.operations.get(event.Id);
    const operation = known ?? new Operation(event, kind);
    const before = known ? known.status : null;
    const now = event.EventTimestamp;
    const delay = details.RetryDetails?.NextAttemptDelaySeconds;
    if (kind === "Step") attempt(operation, outcome, details, now);
    operation.status = delay ? "PENDING" : outcome;
    operation.end = delay || outcome === "STARTED" ? null : now;
    Object.assign(operation.details, details);
    if (!known) {
      this.operations.set(operation.id, operation);
      (this.operations.get(operation.parentId)?.children ?? this.top).push(operation);
    }
    const tally = this.operations.get(operation.parentId)?.tally;
    if (tally) {
      if (before) tally[before] -= 1;
      tally[operation.status] = (tally[operation.status] ?? 0) + 1;
    }
  }
}

/** Note when an attempt of a step began or ended. */
function attempt(operation, outcome, details, now) {
  const latest = operation.attempts.at(-1);
  if (outcome === "STARTED") {
    operation.attempts.push({ start: now, end: null, status: "STARTED", next: null });
    return;
  }
  // A step whose start was not recorded by itself.
  const current = latest && latest.end === null ? latest : { start: now };
  if (current !== latest) operation.attempts.push(current);
  const delay = details.RetryDetails?.NextAttemptDelaySeconds;
  current.end = now;
  current.status = outcome;
  current.next = delay ? now + delay : null;
}

/** `62/80, 3 failed`: how far the children of an operation are. */
export function progress(operation) {
  const { tally, children } = operation;
  const of = (...statuses) => statuses.reduce((sum, status) => sum + (tally[status] ?? 0), 0);
  const failed = of("FAILED", "TIMED_OUT");
  const done = of("SUCCEEDED") + failed;
  const stopped = of("CANCELLED", "STOPPED");
  const parts = [`${done.toLocaleString("en")}/${children.length.toLocaleString("en")}`];
  if (failed) parts.push(`${failed.toLocaleString("en")} failed`);
  if (stopped) parts.push(`${stopped.toLocaleString("en")} cancelled`);
  return parts.join(", ");
}
