// How times, durations, names and payloads are shown.

const MARKS = {
  SUCCEEDED: "✓",
  FAILED: "✕",
  TIMED_OUT: "⧖",
  STOPPED: "■",
  CANCELLED: "⊘",
  PAUSED: "‖",
  PAUSING: "‖",
  PENDING: "↻",
};

export const OPEN = new Set(["RUNNING", "PAUSING", "PAUSED", "DELETING"]);

/** A sign for a status, beside its colour. */
export const mark = (status) => MARKS[status] ?? "●";

export const word = (status) => status.toLowerCase().replaceAll("_", " ");

/** Seconds, as short as they can be read. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const value = Math.max(seconds, 0);
  if (value < 0.9995) return `${Math.round(value * 1000)} ms`;
  if (value < 9.995) return `${value.toFixed(2)} s`;
  if (value < 119.5) return `${value.toFixed(value < 99.95 ? 1 : 0)} s`;
  if (value < 7200) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  if (value < 172800) return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
  return `${Math.floor(value / 86400)} d ${Math.floor((value % 86400) / 3600)} h`;
}

const two = (number) => String(number).padStart(2, "0");

/** Local date and time, to the millisecond where asked for. */
export function moment(seconds, exact = false) {
  if (seconds === undefined || seconds === null) return "";
  const date = new Date(seconds * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}${exact ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : ""}`;
}

/** The plain name of the function of an ARN. */
export const functionName = (arn) => arn.split(":")[6] ?? arn;

/** `1 invocation`, `2 invocations`. */
export const counted = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  return count < 1048576 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1048576).toFixed(1)} MiB`;
}
