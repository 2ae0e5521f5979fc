// Which view is shown: the part of the address after the # decides.

import { executionAt } from "./addresses.js";
import { complain, fill, setText } from "./dom.js";
import { executionsView } from "./executions_view.js";
import { executionView } from "./execution_view.js";

const main = document.getElementById("main");
let leave = () => {};

function show() {
  leave();
  fill(main);
  const place = location.hash;
  try {
    const arn = executionAt(place);
    leave = arn !== null
      ? executionView(main, arn, showCode)
      : executionsView(main, new URLSearchParams(place.split("?")[1] ?? ""), showCode);
  } catch (error) {
    leave = () => {};
    complain(error);
  }
}

/** Which code runs, where it may change: `durable dev`. */
function showCode(code) {
  const place = document.getElementById("code");
  place.classList.toggle("bad", Boolean(code.Problem));
  if (!code.File) setText(place, "");
  else if (code.Problem) setText(place, `Not reloaded, the code before runs on: ${code.Problem}`);
  else setText(place, `${code.File}, loaded ${code.Version === 1 ? "once" : `${code.Version} times`}`);
}

addEventListener("hashchange", () => {
  show();
  main.focus();
});
show();
