// Answers an open callback: with a result, with an error, or with a sign of life.

import * as api from "./api.js";
import { attempt, button, field, fill, h } from "./dom.js";
import { JsonEditor, openDialog } from "./dialogs.js";

export function callbackForms(id) {
  const beaten = h("span", { class: "note", role: "status" });
  return h(
    "div",
    { class: "callback buttons" },
    button("Succeed …", () => succeedDialog(id), { class: "primary", id: "callback-succeed" }),
    button("Fail …", () => failDialog(id), { class: "danger", id: "callback-fail" }),
    button("Heartbeat", attempt(async () => {
      await api.heartbeat(id);
      fill(beaten, "sent");
    }), { id: "callback-heartbeat" }),
    beaten,
  );
}

function succeedDialog(id) {
  const editor = new JsonEditor("Result (JSON; empty for none)", "", { optional: true });
  openDialog({
    title: "Succeed this callback",
    action: "Succeed",
    content: editor.element,
    submit: () => api.succeed(id, editor.value),
  });
}

function failDialog(id) {
  const type = h("input", { value: "Rejected", autocomplete: "off" });
  const message = h("textarea", { rows: 4 });
  openDialog({
    title: "Fail this callback",
    action: "Fail",
    danger: true,
    content: [field("Error type", type), field("Message", message)],
    submit: () => api.fail(id, { ErrorType: type.value, ErrorMessage: message.value }),
  });
}
