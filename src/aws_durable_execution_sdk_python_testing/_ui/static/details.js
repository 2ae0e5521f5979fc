// What is known of an execution or of one operation: payloads, errors, attempts, times.
//
// Payloads are fetched when somebody looks, and again when the operation has changed meanwhile.

import * as api from "./api.js";
import { callbackForms } from "./callback_forms.js";
import { attempt, button, fill, h } from "./dom.js";
import { bytes, duration, functionName, mark, moment, pretty, word } from "./format.js";

// Texts that are longer than this are shown in part, until somebody asks for the rest.
const LONGEST = 20000;

export class Details {
  constructor(arn, history) {
    this.arn = arn;
    this.history = history;
    this.chosen = null;
    this.asked = 0;
    this.body = h("div", { class: "details-body" });
    this.element = h("aside", { class: "details", "aria-label": "Details", id: "details", tabindex: -1 }, this.body);
  }

  showExecution() {
    this.chosen = null;
    this.#fetch(async () => executionParts(await api.execution(this.arn), await logLines(this.arn)));
  }

  refreshExecution() {
    if (this.chosen === null) this.showExecution();
  }

  showOperation(operation) {
    const same = this.chosen === operation;
    this.chosen = operation;
    if (!same) fill(this.body, h("h2", {}, operation.name || operation.subType), h("p", { class: "note" }, "Loading …"));
    this.#fetch(async () => {
      const { Events } = await api.operation(this.arn, operation.id);
      return operationParts(operation, Events);
    });
  }

  /** New events have come: what is shown may be about one of them. */
  note(events) {
    const { chosen } = this;
    if (chosen && events.some((event) => event.Id === chosen.id)) this.showOperation(chosen);
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

async function logLines(arn) {
  return (await api.logs(arn)).Lines;
}

function executionParts(execution, lines) {
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
    payloadPart("Result", Result),
    payloadPart("Input", InputPayload),
    lines.length > 0 && logPart(lines),
  ];
}

function operationParts(operation, events) {
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
  const open = operation.kind === "Callback" && status === "STARTED";
  return [
    h("h2", {}, operation.name || operation.subType),
    h("p", { class: `state is-${status}` }, h("span", { "aria-hidden": "true" }, mark(status)), ` ${word(status)}`),
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

const link = (arn) => h("a", { href: `#/execution/${encodeURIComponent(arn)}` }, arn.split("/").at(-2));

function table(facts) {
  const rows = Object.entries(facts).filter(([, value]) => value);
  return h("dl", { class: "table" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function section(title, ...content) {
  return h("section", {}, h("h3", {}, title), content);
}

function payloadPart(title, payload) {
  if (payload === undefined || payload === null) return null;
  const kept = offloaded(payload);
  if (!kept) return section(title, text(pretty(payload)));
  const { preview, ...reference } = kept;
  return section(
    title,
    h("p", { class: "note" }, "The value is kept elsewhere; on record is a reference to it."),
    preview !== undefined && preview !== null && [h("h4", {}, "Preview"), text(pretty(preview))],
    h("h4", {}, "Reference"),
    text(pretty(reference)),
  );
}

/** What stands on record for a value that is kept elsewhere. */
function offloaded(payload) {
  if (typeof payload !== "string" || !payload.startsWith("{")) return null;
  try {
    const value = JSON.parse(payload);
    const refers = ["file", "s3"].some((key) => typeof value[key] === "string" || typeof value[key] === "object");
    return refers && ("preview" in value || "sha256" in value) ? value : null;
  } catch {
    return null;
  }
}

function text(content) {
  const shown = h("pre", { tabindex: 0 }, content.slice(0, LONGEST));
  if (content.length <= LONGEST) return shown;
  const rest = button(`Show all ${bytes(content.length)}`, () => {
    shown.textContent = content;
    rest.remove();
  }, { class: "quiet" });
  return [shown, rest];
}

export function errorPart(error) {
  const { ErrorType, ErrorMessage, ErrorData, StackTrace } = error;
  const diverged = /(^|\.)NonDeterministicExecutionError$/.test(ErrorType ?? "");
  return h(
    "section",
    { class: diverged ? "error divergence" : "error" },
    h("h3", {}, diverged ? "The code diverges from what is recorded" : (ErrorType ?? "Error")),
    diverged ? divergence(ErrorMessage ?? "") : h("p", { class: "message" }, ErrorMessage ?? ""),
    ErrorData && payloadPart("Data", ErrorData),
    StackTrace?.length > 0 && h("details", { open: !diverged }, h("summary", {}, "Traceback"), text(StackTrace.map((one) => one.replace(/\n$/, "")).join("\n"))),
  );
}

/** What differs, with the source line by itself. */
function divergence(message) {
  const source = /File "(.+?)", line (\d+), in (\S+?)(?=[,.]?\s|$)/.exec(message);
  return [
    source && h("p", { class: "source" }, h("code", {}, `${source[1]}:${source[2]}`), ` in ${source[3]}`),
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
      error && h("details", {}, h("summary", {}, `${error.ErrorType ?? "Error"}: ${error.ErrorMessage ?? ""}`), text((error.StackTrace ?? []).join(""))),
    );
  });
  return section("Attempts", h("ol", { class: "attempts" }, rows));
}

function logPart(lines) {
  const shown = lines.map((line) => `${moment(line.Timestamp, true).slice(11)}  ${line.Text}`).join("\n");
  return section("Log", text(shown));
}
