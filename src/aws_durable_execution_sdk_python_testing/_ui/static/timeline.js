// The timeline of an execution: one row an operation, of which only those in view are elements.
//
// A row's element is kept as long as the row is in view and changed in place, so that a live
// update takes neither a click nor a tooltip away. The keyboard moves a cursor over the rows
// (`aria-activedescendant`): the focus stays on the grid whatever is scrolled out of it.

import { fill, h, setAttribute } from "./dom.js";
import { duration } from "./format.js";
import { cellsRow, invocationsRow, operationRow } from "./row_elements.js";
import { Folding, makeRows } from "./rows.js";
import { TimeScale } from "./scale.js";

const ROW_HEIGHT = 30;
// Rows that are ready above and below what is in view.
const SPARE = 8;
const CELL_WIDTH = 18;
const TICKS = 4;
const MAKERS = { invocations: invocationsRow, operation: operationRow, cells: cellsRow };

export class Timeline {
  /**
   * @param {History} history what to show
   * @param {(operation: Operation) => void} select called with an operation somebody chose
   */
  constructor(history, select) {
    this.history = history;
    this.select = select;
    this.folding = new Folding();
    this.compress = true;
    this.rows = [];
    this.elements = new Map();
    this.cursor = { row: 0, cell: 0 };
    this.selected = null;
    this.divergent = null;
    this.axis = h("div", { class: "axis", "aria-hidden": "true" });
    this.space = h("div", { class: "space", role: "presentation" });
    this.grid = h(
      "div",
      { class: "rows", role: "treegrid", tabindex: 0, "aria-label": "Timeline", id: "timeline" },
      this.space,
    );
    this.element = h("div", { class: "timeline" }, this.axis, this.grid);
    this.grid.addEventListener("scroll", () => this.#askToDraw());
    this.grid.addEventListener("keydown", (event) => this.#key(event));
    this.resizes = new ResizeObserver(() => this.update());
    this.resizes.observe(this.grid);
  }

  close() {
    this.resizes.disconnect();
    cancelAnimationFrame(this.frame);
  }

  /** Show the history as it is now; `now` is the service's time. */
  update(now = this.now) {
    this.now = now ?? this.history.last;
    if (this.history.start === null) return;
    const cells = Math.max(8, Math.floor((this.grid.clientWidth - 48) / CELL_WIDTH));
    this.rows = makeRows(this.history, this.folding, cells);
    this.scale = this.#makeScale();
    this.space.style.height = `${this.rows.length * ROW_HEIGHT}px`;
    setAttribute(this.grid, "aria-rowcount", this.rows.length);
    this.#drawAxis();
    this.#askToDraw();
  }

  toggle(operation) {
    this.folding.set(operation, !this.folding.isOpen(operation));
    this.update();
  }

  choose(operation) {
    this.selected = operation.id;
    this.select(operation);
    this.#askToDraw();
  }

  /** A branch that is a cell: show its rows below, and its details. */
  openBranch(branch) {
    const open = !this.folding.chosen.get(branch.id);
    this.folding.set(branch, open);
    if (open) this.choose(branch);
    this.update();
  }

  /** Bring an operation into view, and open what is around it. */
  reveal(id) {
    let operation = this.history.operations.get(id);
    for (let one = operation; one; one = this.history.operations.get(one.parentId)) {
      if (one !== operation || one.isBranch) this.folding.set(one, true);
    }
    this.update();
    const index = this.rows.findIndex((row) => row.key === id);
    if (index >= 0) this.#moveTo(index);
  }

  #makeScale() {
    const { history } = this;
    const end = history.until(this.now);
    const busy = [...history.invocations];
    if (history.isRunning) busy.push({ start: history.inFlight, end });
    return new TimeScale(history.start, end, busy, this.compress);
  }

  #drawAxis() {
    const ticks = [];
    for (let index = 0; index <= TICKS; index += 1) {
      const at = index / TICKS;
      const tick = h("span", { class: "tick" }, `+${duration(this.scale.time(at) - this.history.start)}`);
      tick.style.left = `${at * 100}%`;
      ticks.push(tick);
    }
    fill(this.axis, h("div", { class: "ticks" }, ticks));
  }

  #askToDraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.#draw();
    });
  }

  #draw() {
    const { scrollTop, clientHeight } = this.grid;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + SPARE);
    const shown = new Map();
    for (let index = first; index < last; index += 1) {
      const row = this.rows[index];
      const element = this.elements.get(row.key) ?? MAKERS[row.kind](row, this);
      element.show(row, this);
      this.#place(element.element, index);
      shown.set(row.key, element);
    }
    for (const [key, element] of this.elements) if (!shown.has(key)) element.element.remove();
    this.elements = shown;
    this.#showCursor();
  }

  #place(element, index) {
    element.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
    setAttribute(element, "aria-rowindex", index + 1);
    if (!element.isConnected) this.space.append(element);
  }

  #showCursor() {
    const row = this.rows[this.cursor.row];
    const shown = row && this.elements.get(row.key);
    for (const one of this.elements.values()) one.point?.(null);
    for (const one of this.elements.values()) one.element.classList.toggle("cursor", one === shown);
    const target = shown?.point?.(this.cursor.cell) ?? shown?.element;
    setAttribute(this.grid, "aria-activedescendant", target?.id);
  }

  #key(event) {
    const row = this.rows[this.cursor.row];
    const page = Math.max(1, Math.floor(this.grid.clientHeight / ROW_HEIGHT) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (event.key in steps) this.#moveTo(this.cursor.row + steps[event.key]);
    else if (event.key === "Home") this.#moveTo(0);
    else if (event.key === "End") this.#moveTo(this.rows.length - 1);
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") this.#sideways(row, event.key === "ArrowRight");
    else if (event.key === "Enter" || event.key === " ") this.#enter(row);
    else return;
    event.preventDefault();
  }

  #sideways(row, right) {
    if (row?.kind === "cells") {
      const most = row.branches.length - 1;
      this.cursor.cell = Math.min(most, Math.max(0, Math.min(this.cursor.cell, most) + (right ? 1 : -1)));
    } else if (row?.operation?.children.length) {
      this.folding.set(row.operation, right);
      this.update();
    }
    this.#askToDraw();
  }

  #enter(row) {
    if (row?.kind === "operation") this.choose(row.operation);
    else if (row?.kind === "cells") this.openBranch(row.branches[Math.min(this.cursor.cell, row.branches.length - 1)]);
  }

  #moveTo(index) {
    this.cursor.row = Math.min(this.rows.length - 1, Math.max(0, index));
    const top = this.cursor.row * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.grid;
    if (top < scrollTop) this.grid.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.grid.scrollTop = top + ROW_HEIGHT - clientHeight;
    this.#askToDraw();
  }
}
