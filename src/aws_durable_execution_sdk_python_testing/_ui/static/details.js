// What is known of an execution or of one operation: payloads, errors, attempts, times.
//
// Payloads are fetched when somebody looks, and again when the operation has changed meanwhile.

import { executionHref } from "./addresses.js";
import * as api from "./api.js";
import { callbackForms } from "./callback_forms.js";
import { attempt, fill, h } from "./dom.js";
import { bytes, counted, duration, functionName, mark, moment, word } from "./format.js";
import { block, payloadPart } from "./payloads.js";

// Open callbacks that are offered at once.
const MOST_CALLBACKS = 10;

export class Details {
  constructor(arn, history) {
    this.arn = arn;
    this.history = history;
    this.chosen = null;
    this.asked = 0;
    // Whether callbacks may be answered.
    this.writable = false;
    // The lines that ask for operations now, by id: known after a replay.
    this.sources = {};
    this.body = h("div", { class: "details-body" });
    this.element = h("aside", { class: "details", "aria-label": "Details", id: "details", tabindex: -1 }, this.body);
  }

  showExecution() {
    this.chosen = null;
    this.#fetch(async () => {
      const [execution, { Lines }, cost] = await Promise.all([
        api.execution(this.arn),
        api.logs(this.arn),
        api.cost(this.arn),
      ]);
      return executionParts(execution, Lines, cost, this.history, this.writable);
    });
  }

  /** What came of running the code as it is now against the history. */
  showReplay(report) {
    this.chosen = undefined;
    this.sources = report.Sources;
    this.asked += 1;
    fill(this.body, replayParts(report, this.history));
    this.element.focus();
  }

  refreshExecution() {
    if (this.chosen === null) this.showExecution();
  }

  showOperation(operation) {
    const same = this.chosen === operation;
    this.chosen = operation;
    if (!same) fill(this.body, h("h2", {}, operation.name || operation.subType), h("p", { class: "note" }, "Loading …"));
    this.#fetch(async () => {
      const { Events, Source } = await api.operation(this.arn, operation.id);
      return operationParts(operation, Events, this.sources[operation.id] ?? Source, this.writable);
    });
  }

  /** New events have come: what is shown may be about one of them. */
  note(events) {
    const { chosen } = this;
    if (chosen && events.some((event) => event.Id === chosen.id)) this.showOperation(chosen);
    // The execution's own page says which callbacks it waits for.
    else if (chosen === null && events.some((event) => event.EventType.startsWith("Callback"))) this.showExecution();
  }

  /** Show what comes of a question, unless another was asked meanwhile. */
  #fetch(question) {
    this.asked += 1;
    const number = this.asked;
    attempt(async () => {
      const parts = await question();
      if (number === this.asked) fill(this.body, parts);
    })();
  }
}

function executionParts(execution, lines, cost, history, writable) {
  const { Status, InputPayload, Result, Error: error } = execution;
  return [
    h("h2", {}, "Execution"),
    table({
      Status: word(Status),
      ARN: execution.DurableExecutionArn,
      Function: functionName(execution.FunctionArn),
      Version: execution.Version,
      Started: moment(execution.StartTimestamp, true),
      Ended: moment(execution.EndTimestamp, true),
      "Times out": moment(execution.ExpectedExecutionTimeoutTimestamp),
      Tenant: execution.TenantId,
    }),
    error && errorPart(error),
    waitingFor(history, writable),
    payloadPart("Result", Result),
    payloadPart("Input", InputPayload),
    costPart(cost),
    lines.length > 0 && logPart(lines),
  ];
}

/** The callbacks that somebody has to answer. */
function waitingFor(history, writable) {
  const open = [...history.operations.values()].filter((one) => one.kind === "Callback" && !one.ended);
  return open.slice(0, MOST_CALLBACKS).map((one) => {
    const around = history.operations.get(one.parentId);
    const name = around?.subType === "WaitForCallback" ? around.name : one.name;
    return section(`Waits for a callback: ${name || "without a name"}`, writable && callbackForms(one.details.CallbackId));
  });
}

function costPart(cost) {
  const dollars = (value) => `$${value.toFixed(8)}`;
  const { Dollars } = cost;
  return section(
    "On AWS",
    table({
      Billed: `${cost.BilledMilliseconds.toLocaleString("en")} ms at ${cost.MemoryMegabytes} MB, ${counted(cost.Invocations, "request")}`,
      Operations: cost.Operations.toLocaleString("en"),
      Written: bytes(cost.WrittenBytes),
      Cost: `${dollars(Dollars.Total)}: operations ${dollars(Dollars.Operations)}, written ${dollars(Dollars.Written)}, compute ${dollars(Dollars.Compute)}, requests ${dollars(Dollars.Requests)}`,
    }),
    h("p", { class: "note" }, "List prices of us-east-1, x86, without free tier; storage after the end is left out."),
  );
}

function replayParts({ Replays, Operations, RecordedStatus, ReplayedStatus, Divergence }, history) {
  const facts = table({ Operations: String(Operations), Recorded: word(RecordedStatus), Replayed: word(ReplayedStatus) });
  if (Replays) {
    return [h("h2", { class: "is-SUCCEEDED" }, "The code replays"), facts, h("p", { class: "note" }, "Operations now show the line that asks for them in the code as it is.")];
  }
  const { Expected, Found, Source, OperationId, LikelyCauses } = Divergence;
  const operation = history.operations.get(OperationId);
  return [
    h("h2", {}, "The code diverges"),
    h(
      "section",
      { class: "error divergence" },
      Source && sourceLine(Source),
      table({ Recorded: Expected, "The code": Found, Operation: operation?.name }),
      h("p", {}, "Likely causes:"),
      h("ul", {}, LikelyCauses.map((cause) => h("li", {}, cause))),
    ),
    facts,
  ];
}

const sourceLine = ({ File, Line, Function }) => h("p", { class: "source" }, h("code", {}, `${File}:${Line}`), ` in ${Function}`);

function operationParts(operation, events, source, writable) {
  const data = {};
  const errors = [];
  for (const event of events) {
    const details = event[`${event.EventType}Details`] ?? {};
    for (const key of ["Input", "Result", "Error"]) {
      if (details[key]?.Payload !== undefined) data[key] = details[key].Payload;
    }
    if (details.Error?.Payload) errors.push({ at: event.EventTimestamp, error: details.Error.Payload });
  }
  const { details, status } = operation;
  const open = writable && operation.kind === "Callback" && status === "STARTED";
  return [
    h("h2", {}, operation.name || operation.subType),
    h("p", { class: `state is-${status}` }, h("span", { "aria-hidden": "true" }, mark(status)), ` ${word(status)}`),
    source && sourceLine(source),
    open && callbackForms(details.CallbackId),
    table({
      Type: operation.subType,
      Started: moment(operation.start, true),
      Ended: moment(operation.end, true),
      Took: operation.ended ? duration(operation.end - operation.start) : "",
      Due: operation.ended ? "" : moment(operation.due),
      "Time-out": details.Timeout && duration(details.Timeout),
      Heartbeat: details.HeartbeatTimeout && duration(details.HeartbeatTimeout),
      Function: details.FunctionName,
      Execution: details.DurableExecutionArn && link(details.DurableExecutionArn),
      Callback: details.CallbackId,
      Id: operation.id,
    }),
    status !== "SUCCEEDED" && errors.length > 0 && errorPart(errors.at(-1).error),
    payloadPart("Result", data.Result),
    payloadPart("Input", data.Input),
    operation.attempts.length > 1 && attemptsPart(operation, errors),
  ];
}

const link = (arn) => h("a", { href: executionHref(arn) }, arn.split("/").at(-2));

function table(facts) {
  const rows = Object.entries(facts).filter(([, value]) => value);
  return h("dl", { class: "table" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function section(title, ...content) {
  return h("section", {}, h("h3", {}, title), content);
}

function errorPart(error) {
  const { ErrorType, ErrorMessage, ErrorData, StackTrace } = error;
  const diverged = /(^|\.)NonDeterministicExecutionError$/.test(ErrorType ?? "");
  return h(
    "section",
    { class: diverged ? "error divergence" : "error" },
    h("h3", {}, diverged ? "The code diverges from what is recorded" : (ErrorType ?? "Error")),
    diverged ? divergence(ErrorMessage ?? "") : h("p", { class: "message" }, ErrorMessage ?? ""),
    ErrorData && payloadPart("Data", ErrorData),
    StackTrace?.length > 0 && h("details", { open: !diverged }, h("summary", {}, "Traceback"), block(StackTrace.map((one) => one.replace(/\n$/, "")).join("\n"))),
  );
}

/** What differs, with the source line by itself. */
function divergence(message) {
  const source = /File "(.+?)", line (\d+), in (\S+?)(?=[,.]?\s|$)/.exec(message);
  return [
    source && sourceLine({ File: source[1], Line: source[2], Function: source[3] }),
    h("p", { class: "message" }, message),
  ];
}

function attemptsPart(operation, errors) {
  const rows = operation.attempts.map((one, index) => {
    const error = errors.find(({ at }) => at === one.end)?.error;
    return h(
      "li",
      {},
      h("span", { class: `is-${one.status} sign` }, mark(one.status)),
      ` ${index + 1}: ${moment(one.start, true).slice(11)}`,
      one.end === null ? "" : `, ${duration(one.end - one.start)}`,
      one.next === null ? "" : `, the next after ${duration(one.next - one.end)}`,
      error && h("details", {}, h("summary", {}, `${error.ErrorType ?? "Error"}: ${error.ErrorMessage ?? ""}`), block((error.StackTrace ?? []).join(""))),
    );
  });
  return section("Attempts", h("ol", { class: "attempts" }, rows));
}

function logPart(lines) {
  const shown = lines.map((line) => `${moment(line.Timestamp, true).slice(11)}  ${line.Text}`).join("\n");
  return section("Log", block(shown));
}
