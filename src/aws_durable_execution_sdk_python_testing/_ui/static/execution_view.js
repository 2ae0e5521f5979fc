// One execution: what it is, what can be done with it, its timeline, and details of what is chosen.

import * as api from "./api.js";
import { attempt, button, fill, h, setText } from "./dom.js";
import { confirmDialog } from "./dialogs.js";
import { Details } from "./details.js";
import { statusBadge } from "./executions_view.js";
import { counted, duration, functionName, moment, OPEN } from "./format.js";
import { History } from "./history.js";
import { Timeline } from "./timeline.js";

// Milliseconds between two drawings of what goes on without an event.
const BEAT = 500;

export function executionView(main, arn, showCode) {
  const view = new ExecutionView(arn, showCode);
  fill(main, view.element);
  view.begin();
  return () => view.close();
}

class ExecutionView {
  constructor(arn, showCode) {
    this.arn = arn;
    this.showCode = showCode;
    this.history = new History();
    this.details = new Details(arn, this.history);
    this.timeline = new Timeline(this.history, (operation) => this.#choose(operation));
    this.execution = null;
    this.offset = 0;
    this.name = h("h1", {}, arn.split("/").at(-2) ?? arn);
    this.badge = h("span", { class: "state" });
    this.facts = h("dl", { class: "facts" });
    this.actions = h("div", { class: "buttons" });
    this.element = h(
      "div",
      { class: "execution" },
      h("div", { class: "heading" }, h("div", { class: "title" }, this.name, this.badge), this.actions),
      this.facts,
      this.#tools(),
      h("div", { class: "split" }, this.timeline.element, this.details.element),
    );
    document.title = `${this.name.textContent} – durable execution`;
  }

  begin() {
    this.stop = api.followOne(this.arn, {
      code: this.showCode,
      progress: (message) => this.#take(message),
      ended: () => this.stop(),
      gone: () => {
        this.stop();
        fill(this.badge, statusBadge("DELETED"));
        fill(this.actions);
      },
    });
    this.beat = setInterval(() => this.#tick(), BEAT);
    this.details.showExecution();
    attempt(() => this.#askForCode())();
  }

  close() {
    this.stop();
    clearInterval(this.beat);
    this.timeline.close();
  }

  #take({ Now, Execution, Events }) {
    this.offset = Now - Date.now() / 1000;
    const before = this.execution?.Status;
    this.execution = Execution;
    this.history.feed(Events);
    if (before !== Execution.Status) {
      fill(this.badge, statusBadge(Execution.Status));
      this.#showActions();
      this.details.refreshExecution();
    }
    this.details.note(Events);
    this.#showFacts();
    this.timeline.update(this.#now());
  }

  #choose(operation) {
    this.details.showOperation(operation);
    // Where there is no room beside the timeline, the details are below it.
    if (matchMedia("(max-width: 1000px)").matches) this.details.element.scrollIntoView({ block: "start" });
  }

  #now() {
    return Math.max(this.history.last, Date.now() / 1000 + this.offset);
  }

  #tick() {
    if (this.execution && OPEN.has(this.execution.Status)) {
      this.timeline.update(this.#now());
      this.#showFacts();
    }
  }

  #showFacts() {
    const { FunctionArn, StartTimestamp, EndTimestamp } = this.execution;
    const count = this.history.operations.size;
    const facts = {
      Function: functionName(FunctionArn),
      Started: moment(StartTimestamp),
      Took: duration((EndTimestamp ?? this.#now()) - StartTimestamp),
      "Ran for": `${duration(this.history.seconds)} in ${counted(this.history.invocations.length, "invocation")}`,
      Operations: count.toLocaleString("en"),
    };
    for (const [name, value] of Object.entries(facts)) {
      const known = this.facts.querySelector(`[data-fact="${name}"]`);
      if (known) setText(known, value);
      else this.facts.append(h("div", {}, h("dt", {}, name), h("dd", { "data-fact": name }, value)));
    }
  }

  #showActions() {
    const { Status } = this.execution;
    const does = (action) => attempt(() => action(this.arn));
    const shown = [];
    const changes = this.writable;
    if (changes && Status === "RUNNING") shown.push(button("Pause", does(api.pause), { id: "pause" }));
    if (changes && (Status === "PAUSED" || Status === "PAUSING")) shown.push(button("Resume", does(api.resume), { id: "resume" }));
    if (changes && OPEN.has(Status)) shown.push(button("Stop", () => this.#stop(), { id: "stop", class: "danger" }));
    if (this.replays) shown.push(button("Replay against my code", attempt(() => this.#replay()), { id: "replay" }));
    shown.push(h("a", { class: "button", href: api.recordingPath(this.arn), download: true }, "Recording"));
    if (changes) shown.push(button("Delete", () => this.#remove(), { id: "delete", class: "danger" }));
    fill(this.actions, shown);
  }

  async #replay() {
    const report = await api.replay(this.arn);
    this.timeline.divergent = report.Divergence?.OperationId ?? null;
    if (this.timeline.divergent) this.timeline.reveal(this.timeline.divergent);
    this.timeline.update();
    this.details.showReplay(report);
  }

  /** Whether the code is there to be replayed. */
  async #askForCode() {
    const { Functions, Writable } = await api.functions();
    const name = functionName(this.arn);
    this.replays = Functions.some((one) => one.Name === name && one.Replays);
    this.writable = Writable;
    this.details.writable = Writable;
    if (this.execution) this.#showActions();
    this.details.refreshExecution();
  }

  #stop() {
    confirmDialog("Stop this execution?", "It ends as stopped, and cannot go on.", "Stop", () => api.stop(this.arn));
  }

  #remove() {
    confirmDialog("Delete this execution?", "Its history and results are forgotten.", "Delete", async () => {
      await api.remove(this.arn);
      location.hash = "#/";
    });
  }

  #tools() {
    const compress = h("input", { type: "checkbox", id: "compress", checked: true });
    compress.addEventListener("change", () => {
      this.timeline.compress = compress.checked;
      this.timeline.update();
    });
    const failed = button("Next failure", () => this.#nextFailure(), { class: "quiet", id: "next-failure" });
    const whole = button("Execution", () => this.details.showExecution(), { class: "quiet", id: "show-execution" });
    return h(
      "div",
      { class: "tools" },
      h("label", { class: "check" }, compress, "Draw waiting short"),
      whole,
      failed,
    );
  }

  /** Go to the failed operation after the one that is chosen. */
  #nextFailure() {
    const failed = [...this.history.operations.values()].filter(
      (one) => one.status === "FAILED" || one.status === "TIMED_OUT",
    );
    if (!failed.length) return;
    const at = failed.findIndex((one) => one.id === this.timeline.selected);
    const next = failed[(at + 1) % failed.length];
    this.timeline.reveal(next.id);
    this.timeline.choose(next);
  }
}
