// Dialogs: a question, and an editor for JSON.

import { button, field, fill, freshId, h } from "./dom.js";
import { indented } from "./exact_json.js";

/**
 * Open a dialog with a form.
 *
 * `submit` is called when it is sent; the dialog closes once that has come to an end, and shows
 * what went wrong otherwise.
 */
export function openDialog({ title, content, action, danger = false, submit }) {
  const heading = freshId("title");
  const problem = h("p", { class: "problem", role: "alert" });
  const sending = h("button", { type: "submit", class: danger ? "danger" : "primary" }, action);
  const dialog = h("dialog", { "aria-labelledby": heading });
  const form = h(
    "form",
    {},
    h("h2", { id: heading }, title),
    content,
    problem,
    h("div", { class: "buttons" }, button("Cancel", () => dialog.close()), sending),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fill(problem);
    sending.disabled = true;
    try {
      await submit();
      dialog.close();
    } catch (error) {
      fill(problem, error.message);
    } finally {
      sending.disabled = false;
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
}

export function confirmDialog(title, text, action, submit) {
  openDialog({ title, content: h("p", {}, text), action, danger: true, submit });
}

/** A text area for JSON, which says where the text is none. */
export class JsonEditor {
  constructor(label, value, { optional = false } = {}) {
    this.optional = optional;
    this.area = h("textarea", { rows: 10, spellcheck: "false", autocomplete: "off", class: "json" });
    this.area.value = value;
    const note = freshId("note");
    this.note = h("p", { id: note, class: "note", "aria-live": "polite" });
    this.area.setAttribute("aria-describedby", note);
    this.area.addEventListener("input", () => this.check());
    this.element = h(
      "div",
      { class: "editor" },
      field(label, this.area),
      h("div", { class: "below" }, this.note, button("Format", () => this.format(), { class: "quiet" })),
    );
    this.check();
  }

  set value(text) {
    this.area.value = text;
    this.check();
  }

  /** The text; throws where it is no JSON. */
  get value() {
    const problem = this.problem();
    if (problem) throw new Error(problem);
    return this.area.value.trim();
  }

  check() {
    const problem = this.problem();
    this.area.toggleAttribute("aria-invalid", Boolean(problem));
    fill(this.note, problem ?? "");
  }

  format() {
    if (!this.problem() && this.area.value.trim()) {
      this.value = indented(this.area.value);
    }
  }

  problem() {
    const text = this.area.value;
    if (!text.trim()) return this.optional ? null : "A JSON value is needed, such as {}.";
    try {
      JSON.parse(text);
      return null;
    } catch (error) {
      return `No JSON: ${error.message}`;
    }
  }
}
