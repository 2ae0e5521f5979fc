// The list of executions: newest first, live, narrowed by function, status, name and time.

import { executionHref } from "./addresses.js";
import * as api from "./api.js";
import { attempt, button, field, fill, h } from "./dom.js";
import { duration, functionName, mark, moment, OPEN, word } from "./format.js";
import { startDialog } from "./start_dialog.js";

const STATUSES = ["RUNNING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"];
// What the address holds, and what the API calls it.
const FILTERS = {
  function: "FunctionName",
  status: "Statuses",
  name: "DurableExecutionName",
  after: "StartedAfter",
  before: "StartedBefore",
};

export function executionsView(main, filters, showCode) {
  const list = new ExecutionList(filters);
  const starting = button("Start an execution", attempt(startDialog), { class: "primary", id: "start", hidden: true });
  attempt(async () => {
    starting.hidden = !(await api.functions()).Writable;
  })();
  fill(
    main,
    h("div", { class: "heading" }, h("h1", {}, "Executions"), starting),
    filterForm(filters),
    list.element,
  );
  document.title = "Durable executions";
  const stop = api.followAll({
    code: showCode,
    changed: (message) => list.refresh(message.Now),
  });
  return stop;
}

function filterForm(filters) {
  const given = (key) => filters.get(key) ?? "";
  const choice = (key, values, any) => {
    const options = [h("option", { value: "" }, any)];
    for (const value of values) options.push(h("option", { value }, word(value)));
    const select = h("select", { name: key }, options);
    select.value = given(key);
    return select;
  };
  const functionField = h("select", { name: "function" }, h("option", { value: "" }, "any"));
  attempt(async () => {
    const { Functions } = await api.functions();
    for (const { Name, Durable } of Functions) {
      if (Durable) functionField.append(h("option", { value: Name }, Name));
    }
    functionField.value = given("function");
  })();
  const nameField = h("input", { name: "name", value: given("name"), placeholder: "exact name" });
  const time = (key) => h("input", { name: key, type: "datetime-local", step: 1, value: given(key) });
  const form = h(
    "form",
    { class: "filters", "aria-label": "Filters" },
    field("Function", functionField),
    field("Status", choice("status", STATUSES, "any")),
    field("Name", nameField),
    field("Started after", time("after")),
    field("Started before", time("before")),
  );
  const apply = (event) => {
    event.preventDefault();
    const wanted = new URLSearchParams();
    for (const [key, value] of new FormData(form)) if (value) wanted.set(key, value);
    const text = wanted.toString();
    location.hash = text ? `#/?${text}` : "#/";
  };
  form.addEventListener("change", apply);
  form.addEventListener("submit", apply);
  return form;
}

function query(filters) {
  const wanted = {};
  for (const [key, name] of Object.entries(FILTERS)) {
    const value = filters.get(key);
    if (!value) continue;
    const isTime = key === "after" || key === "before";
    wanted[name] = isTime ? new Date(value).getTime() / 1000 : value;
  }
  return wanted;
}

class ExecutionList {
  constructor(filters) {
    this.query = query(filters);
    this.markers = [undefined];
    this.rows = new Map();
    this.body = h("tbody");
    this.empty = h("p", { class: "empty", hidden: true }, "No executions.");
    this.newer = button("Newer", () => this.turn(-1), { hidden: true });
    this.older = button("Older", () => this.turn(1), { hidden: true });
    const heads = ["Status", "Name", "Function", "Started", "Took"];
    this.element = h(
      "section",
      { "aria-label": "Executions" },
      h(
        "table",
        { class: "executions" },
        h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
        this.body,
      ),
      this.empty,
      h("div", { class: "pager" }, this.newer, this.older),
    );
    this.refresh = latest(attempt((now) => this.read(now)));
    this.refresh();
  }

  turn(step) {
    if (step > 0) this.markers.push(this.next);
    else this.markers.pop();
    this.refresh();
  }

  async read(now) {
    const page = await api.executions(this.query, this.markers.at(-1));
    this.now = now ?? this.now;
    this.next = page.NextMarker;
    this.newer.hidden = this.markers.length === 1;
    this.older.hidden = !this.next;
    const known = this.rows;
    this.rows = new Map();
    for (const execution of page.DurableExecutions) {
      const arn = execution.DurableExecutionArn;
      const row = known.get(arn) ?? new ExecutionRow(execution);
      row.update(execution, this.now);
      this.rows.set(arn, row);
    }
    const rows = [...this.rows.values()].map((row) => row.element);
    const same = rows.length === this.body.children.length && rows.every((row, index) => row === this.body.children[index]);
    if (!same) fill(this.body, rows);
    this.empty.hidden = rows.length > 0;
  }
}

class ExecutionRow {
  constructor(execution) {
    this.status = h("td", { class: "status" });
    this.took = h("td", { class: "took" });
    this.element = h(
      "tr",
      {},
      this.status,
      h("td", { class: "name" }, h("a", { href: executionHref(execution.DurableExecutionArn) }, execution.DurableExecutionName)),
      h("td", { class: "function" }, functionName(execution.FunctionArn)),
      h("td", { class: "started" }, moment(execution.StartTimestamp)),
      this.took,
    );
  }

  update(execution, now) {
    const { Status, StartTimestamp, EndTimestamp } = execution;
    if (this.shown !== Status) fill(this.status, statusBadge(Status));
    this.shown = Status;
    const end = EndTimestamp ?? (OPEN.has(Status) ? now : undefined);
    this.took.textContent = end === undefined ? "" : duration(end - StartTimestamp);
  }
}

export function statusBadge(status) {
  return h("span", { class: `badge is-${status}` }, h("span", { "aria-hidden": "true" }, mark(status)), ` ${word(status)}`);
}

/** Run one call at a time; what is asked for meanwhile is asked once more at the end. */
function latest(action) {
  let running = false;
  let again = null;
  const run = async (...args) => {
    if (running) {
      again = args;
      return;
    }
    running = true;
    await action(...args);
    running = false;
    const waiting = again;
    again = null;
    if (waiting) run(...waiting);
  };
  return run;
}
