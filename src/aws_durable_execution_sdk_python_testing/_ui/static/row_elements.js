// The elements of a timeline's rows. Each maker gives `{element, show(row, timeline)}`.

import { fill, freshId, h, setAttribute, setText } from "./dom.js";
import { counted, duration, mark, word } from "./format.js";
import { progress } from "./history.js";

const INDENT = 14;
// What is seen without being said.
const OBVIOUS = new Set(["Step", "MapIteration", "ParallelBranch"]);

/** A bar from one time to another; what is too short to be seen is drawn as a line. */
function bar(scale, start, end, kind, title) {
  const element = h("span", { class: `bar ${kind}`, title });
  const from = scale.at(start);
  element.style.left = `${from * 100}%`;
  element.style.width = `${Math.max(0, scale.at(end) - from) * 100}%`;
  return element;
}

/** Whether bars differ from those that are drawn. */
function redraw(track, bars) {
  const key = bars.map((one) => `${one.className}${one.style.left}${one.style.width}${one.title}`).join();
  if (track.drawn === key) return;
  track.drawn = key;
  fill(track.element, bars);
}

function makeTrack() {
  return { element: h("div", { class: "track", "aria-hidden": "true" }), drawn: null };
}

export function invocationsRow() {
  const track = makeTrack();
  const name = h("div", { class: "label", role: "gridcell" });
  const element = h("div", { class: "row invocations", role: "row", id: freshId("row"), "aria-level": 1 }, name, track.element);
  const show = (_, { history, scale, now }) => {
    const count = history.invocations.length + (history.isRunning ? 1 : 0);
    const text = counted(count, "invocation");
    if (name.textContent !== text) fill(name, h("span", { class: "name" }, text));
    const runs = history.invocations.map((one, index) =>
      bar(scale, one.start, one.end, one.failed ? "is-FAILED" : "run", `invocation ${index + 1}: ${duration(one.end - one.start)}`),
    );
    const end = history.until(now);
    if (history.isRunning) runs.push(bar(scale, history.inFlight, end, "run live", "this invocation runs"));
    redraw(track, [...suspensions(history, scale, end), ...runs]);
  };
  return { element, show };
}

/** The times between invocations. */
function suspensions(history, scale, end) {
  const bars = [];
  const add = (from, to) => {
    if (to - from > 0.001) bars.push(bar(scale, from, to, "suspended", `suspended for ${duration(to - from)}`));
  };
  let at = history.start;
  for (const one of history.invocations) {
    add(at, one.start);
    at = Math.max(at, one.end);
  }
  if (history.end === null) add(at, history.isRunning ? history.inFlight : end);
  for (const pause of history.pauses) bars.push(bar(scale, pause.start, pause.end ?? end, "paused", "paused"));
  return bars;
}

export function operationRow(row, timeline) {
  const { operation } = row;
  const track = makeTrack();
  const fold = h("span", { class: "fold", "aria-hidden": "true" });
  const sign = h("span", { class: "sign", "aria-hidden": "true" });
  const name = h("span", { class: "name" }, operation.name || operation.subType);
  const kind = h("span", { class: "kind" }, OBVIOUS.has(operation.subType) ? "" : kindOf(operation));
  const figures = h("span", { class: "figures" });
  const label = h("div", { class: "label", role: "gridcell", title: operation.name }, fold, sign, name, kind, figures);
  label.style.paddingLeft = `${Math.min(row.depth, 12) * INDENT + 6}px`;
  const element = h("div", { class: "row operation", role: "row", id: freshId("row"), "aria-level": row.depth + 1 }, label, track.element);
  fold.addEventListener("click", (event) => {
    event.stopPropagation();
    timeline.toggle(operation);
  });
  element.addEventListener("click", () => timeline.choose(operation));
  const show = (_, { folding, scale, selected, divergent, now, history }) => {
    const inside = operation.children.length > 0;
    setText(fold, inside ? (folding.isOpen(operation) ? "▾" : "▸") : "");
    setText(sign, mark(operation.status));
    sign.className = `sign is-${operation.status}`;
    setAttribute(element, "aria-expanded", inside ? String(folding.isOpen(operation)) : null);
    setAttribute(element, "aria-selected", String(selected === operation.id));
    element.classList.toggle("divergent", divergent === operation.id);
    const end = operation.end ?? history.until(now);
    const took = duration(end - operation.start);
    const text = operation.isBatch ? progress(operation) : tries(operation, took);
    setText(figures, text);
    setAttribute(label, "aria-label", `${operation.name || operation.subType}, ${kindOf(operation)}, ${word(operation.status)}, ${text}`);
    redraw(track, bars(operation, scale, end));
  };
  return { element, show };
}

const kindOf = (operation) => operation.subType.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();

function tries(operation, took) {
  return operation.attempts.length > 1 ? `${operation.attempts.length} attempts` : took;
}

function bars(operation, scale, end) {
  const { status, kind } = operation;
  const about = `${operation.name || operation.subType}: ${word(status)}, ${duration(end - operation.start)}`;
  if (kind === "Step") return attemptBars(operation, scale, end);
  if (kind === "Wait") {
    const until = operation.end ?? Math.max(end, operation.start);
    return [bar(scale, operation.start, until, `waits is-${status}`, about)];
  }
  const waits = kind === "Callback" || kind === "ChainedInvoke";
  const shape = waits ? "waits" : "context";
  return [bar(scale, operation.start, end, `${shape} is-${status}${operation.ended ? "" : " live"}`, about)];
}

function attemptBars(operation, scale, end) {
  const drawn = [];
  operation.attempts.forEach((one, index) => {
    const until = one.end ?? end;
    const title = `attempt ${index + 1}: ${word(one.status)}, ${duration(until - one.start)}`;
    drawn.push(bar(scale, one.start, until, `attempt is-${one.status}${one.end === null ? " live" : ""}`, title));
    if (one.next !== null) {
      const next = operation.attempts[index + 1]?.start ?? Math.min(one.next, end);
      drawn.push(bar(scale, one.end, next, "delay", `next attempt after ${duration(one.next - one.end)}`));
    }
  });
  return drawn;
}

export function cellsRow(row, timeline) {
  const cells = h("div", { class: "cells", role: "presentation" });
  const element = h("div", { class: "row cell-row", role: "row", id: freshId("row"), "aria-level": row.depth + 1 }, cells);
  cells.style.paddingLeft = `${Math.min(row.depth, 6) * INDENT + 6}px`;
  let shown = [];
  cells.addEventListener("click", (event) => {
    const index = [...cells.children].indexOf(event.target);
    if (index >= 0) timeline.openBranch(shown[index]);
  });
  const show = ({ branches }, { selected, folding }) => {
    shown = branches;
    while (cells.children.length > branches.length) cells.lastChild.remove();
    branches.forEach((branch, index) => {
      const cell = cells.children[index] ?? cells.appendChild(h("span", { role: "gridcell", id: freshId("cell") }));
      const open = folding.chosen.get(branch.id) ? " open" : "";
      const chosen = selected === branch.id ? " selected" : "";
      const look = `cell is-${branch.status}${open}${chosen}`;
      if (cell.className !== look) cell.className = look;
      const label = `${branch.name}, ${word(branch.status)}`;
      if (cell.title !== label) {
        cell.title = label;
        cell.setAttribute("aria-label", label);
      }
    });
  };
  const point = (index) => {
    for (const cell of cells.children) cell.classList.remove("pointed");
    if (index === null) return null;
    const cell = cells.children[Math.min(index, cells.children.length - 1)];
    cell?.classList.add("pointed");
    return cell;
  };
  return { element, show, point };
}
