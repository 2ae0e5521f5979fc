// JSON that is read and written with its numbers as they stand: JavaScript's own have 53 bits.

const exact = (_, value, context) => {
  const source = context?.source;
  const changes = typeof value === "number" && source !== undefined && String(value) !== source;
  return changes && JSON.rawJSON ? JSON.rawJSON(source) : value;
};

/** The value of a text; numbers that JavaScript would change stand for themselves. */
export const parseExactly = (text) => JSON.parse(text, exact);

/** The same JSON, indented. */
export const indented = (text) => JSON.stringify(parseExactly(text), null, 2);
