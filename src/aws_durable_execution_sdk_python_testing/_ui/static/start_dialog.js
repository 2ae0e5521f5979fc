// Starts an execution with an event; events used before in this tab are offered again.

import { executionHref } from "./addresses.js";
import * as api from "./api.js";
import { button, field, fill, h } from "./dom.js";
import { JsonEditor, openDialog } from "./dialogs.js";

const RECENT = 5;

const key = (name) => `events of ${name}`;
const recent = (name) => JSON.parse(sessionStorage.getItem(key(name)) ?? "[]");

function remember(name, event) {
  const events = [event, ...recent(name).filter((one) => one !== event)].slice(0, RECENT);
  try {
    sessionStorage.setItem(key(name), JSON.stringify(events));
  } catch {
    // It is larger than the browser keeps.
  }
}

export async function startDialog() {
  const { Functions } = await api.functions();
  const names = Functions.filter((one) => one.Durable).map((one) => one.Name);
  if (!names.length) throw new Error("The service knows no durable function.");
  const functionField = h("select", {}, names.map((name) => h("option", { value: name }, name)));
  const nameField = h("input", { placeholder: "made up, if left out", maxlength: 64, autocomplete: "off" });
  const editor = new JsonEditor("Event (JSON)", recent(names[0])[0] ?? "{}");
  const before = h("div", { class: "recent" });
  const offer = () => {
    const events = recent(functionField.value);
    const uses = events.map((event) =>
      button(event.replace(/\s+/g, " ").slice(0, 60), () => {
        editor.value = event;
      }, { class: "quiet" }),
    );
    fill(before, uses.length ? [h("span", {}, "Recent: "), uses] : []);
  };
  functionField.addEventListener("change", offer);
  offer();
  openDialog({
    title: "Start an execution",
    action: "Start",
    content: [field("Function", functionField), field("Name", nameField), editor.element, before],
    submit: async () => {
      const name = functionField.value;
      const event = editor.value;
      const arn = await api.start(name, event, nameField.value.trim());
      remember(name, event);
      if (arn) location.hash = executionHref(arn);
    },
  });
}
