// What stands on record for a value: JSON, the SDK's envelope, a reference, or any text.

import { bytes } from "./format.js";
import { button, h } from "./dom.js";
import { parseExactly } from "./exact_json.js";

// Texts that are longer than this are shown in part, until somebody asks for the rest.
const LONGEST = 20000;
const TAGS = new Set(["n", "s", "i", "f", "b", "u", "d", "dt", "D", "B", "t", "l", "m", "br"]);
const REFERENCE = new Set(["file", "s3", "data", "preview", "sha256", "size"]);

/** A part of the details about a payload, or null where there is none. */
export function payloadPart(title, payload) {
  if (payload === undefined || payload === null) return null;
  const value = parse(payload);
  const kept = isReference(value);
  return h(
    "section",
    {},
    h("h3", {}, title),
    kept ? referenceParts(value) : block(value === undefined ? payload : pretty(value)),
  );
}

function referenceParts({ preview, ...reference }) {
  return [
    h("p", { class: "note" }, "The value is kept elsewhere; on record is a reference to it."),
    preview !== undefined && preview !== null && [h("h4", {}, "Preview"), block(pretty(preview))],
    h("h4", {}, "Reference"),
    block(pretty(reference)),
  ];
}

function parse(payload) {
  if (typeof payload !== "string") return payload;
  try {
    return parseExactly(payload);
  } catch {
    return undefined;
  }
}

const pretty = (value) => JSON.stringify(isEnvelope(value) ? plain(value) : value, null, 2);

/** Whether a value was put elsewhere by one of the SDK's stores. */
function isReference(value) {
  if (!isObject(value)) return false;
  const keys = Object.keys(value);
  return keys.every((key) => REFERENCE.has(key)) && keys.some((key) => key === "file" || key === "s3");
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether this is `{"t": tag, "v": value}`, as values are stored that are more than JSON. */
function isEnvelope(value) {
  return isObject(value) && Object.keys(value).length === 2 && "v" in value && TAGS.has(value.t);
}

/** The value of an envelope, as it is read best. */
function plain(node) {
  if (!isEnvelope(node)) return node;
  const { t: tag, v: value } = node;
  if (tag === "l" || tag === "t") return value.map(plain);
  return tag === "m" || tag === "br" ? mapped(value) : value;
}

const mapped = (nodes) => Object.fromEntries(Object.entries(nodes).map(([key, node]) => [key, plain(node)]));

/** A text as it is; a long one in part. */
export function block(content) {
  const shown = h("pre", { tabindex: 0 }, content.slice(0, LONGEST));
  if (content.length <= LONGEST) return shown;
  const rest = button(
    `Show all ${bytes(content.length)}`,
    () => {
      shown.textContent = content;
      rest.remove();
    },
    { class: "quiet" },
  );
  return [shown, rest];
}
