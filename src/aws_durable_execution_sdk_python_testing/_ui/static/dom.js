// Elements, made of texts and attributes only: nothing here or elsewhere parses HTML.

/**
 * An element with its attributes and children.
 *
 * `class` is a string; `on` maps events to listeners; a true value is an attribute without a value;
 * false, null and undefined leave the attribute out. Children that are no nodes become texts.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else {
      setAttribute(element, name, value);
    }
  }
  element.append(...present(children));
  return element;
}

export function setAttribute(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Replace what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

function present(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** Change a text only where it differs, so that live updates disturb no selection. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function button(label, listener, attributes = {}) {
  return h("button", { type: "button", on: { click: listener }, ...attributes }, label);
}

let numbers = 0;

/** An id that no other element has. */
export function freshId(prefix) {
  numbers += 1;
  return `${prefix}-${numbers}`;
}

/** A control and its label. */
export function field(label, control, attributes = {}) {
  control.id ||= freshId("field");
  return h("div", { class: "field", ...attributes }, h("label", { for: control.id }, label), control);
}

/** Say what went wrong, until it is dismissed. */
export function complain(error) {
  const notice = h("div", { class: "notice" }, h("span", {}, error.message ?? String(error)));
  notice.append(button("Dismiss", () => notice.remove(), { class: "quiet" }));
  document.getElementById("notices").replaceChildren(notice);
}

/** A listener that says what went wrong in it. */
export function attempt(action) {
  return async (...args) => {
    try {
      return await action(...args);
    } catch (error) {
      complain(error);
      return undefined;
    }
  };
}
