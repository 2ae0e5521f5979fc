// The service's API, and the few requests beyond it. Payloads travel in bodies, never in URLs.

const EXECUTIONS = "/2025-12-01/durable-executions";
const CALLBACKS = "/2025-12-01/durable-execution-callbacks";
const FUNCTIONS = "/2015-03-31/functions";

const PAGE_LENGTH = 50;

async function call(method, path, { query = {}, body, headers = {} } = {}) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== "" && value !== undefined && value !== null) search.append(key, value);
  }
  const text = search.toString();
  let response;
  try {
    response = await fetch(text ? `${path}?${text}` : path, {
      method,
      body,
      headers: { "Content-Type": "application/json", ...headers },
      credentials: "same-origin",
    });
  } catch (error) {
    throw new Error("The service does not answer. Is it still running?");
  }
  if (!response.ok) {
    const said = await response.json().catch(() => ({}));
    const code = response.headers.get("x-amzn-errortype") ?? String(response.status);
    throw new Error(said.message ?? said.Message ?? code);
  }
  return response;
}

const json = async (...request) => (await call(...request)).json();
const at = (arn, rest = "") => `${EXECUTIONS}/${encodeURIComponent(arn)}${rest}`;
const beside = (arn, rest) => `/ui/executions/${encodeURIComponent(arn)}${rest}`;

export const functions = () => json("GET", "/ui/functions");

export const executions = (filters, marker) =>
  json("GET", EXECUTIONS, { query: { ...filters, MaxItems: PAGE_LENGTH, Marker: marker } });

export const execution = (arn) => json("GET", at(arn));

export const operation = (arn, id) => json("GET", beside(arn, `/operations/${encodeURIComponent(id)}`));

export const logs = (arn) => json("GET", at(arn, "/logs"));

export const cost = (arn) => json("GET", beside(arn, "/cost"));

export const recordingPath = (arn) => beside(arn, "/recording");

export const replay = (arn) => json("POST", beside(arn, "/replay"));

/** Start an execution, without waiting for it; gives its ARN. */
export async function start(name, event, executionName) {
  const headers = { "X-Amz-Invocation-Type": "Event" };
  if (executionName) headers["X-Amz-Durable-Execution-Name"] = executionName;
  const path = `${FUNCTIONS}/${encodeURIComponent(name)}/invocations`;
  const query = { Qualifier: "$LATEST" };
  const response = await call("POST", path, { query, body: event, headers });
  return response.headers.get("X-Amz-Durable-Execution-Arn");
}

const send = (path, body = {}) => call("POST", path, { body: JSON.stringify(body) });

export const stop = (arn) => send(at(arn, "/stop"));
export const pause = (arn) => send(at(arn, "/pause"));
export const resume = (arn) => send(at(arn, "/resume"));
export const remove = (arn) => call("DELETE", at(arn));

const callback = (id, verb) => `${CALLBACKS}/${encodeURIComponent(id)}/${verb}`;

export const succeed = (id, result) => call("POST", callback(id, "succeed"), { body: result });
export const fail = (id, error) => send(callback(id, "fail"), error);
export const heartbeat = (id) => call("POST", callback(id, "heartbeat"));

/**
 * Follow a stream of server-sent events; gives what stops it.
 *
 * The browser connects again by itself, and says which event it has seen last.
 */
function follow(path, listeners) {
  const source = new EventSource(path);
  const connection = document.getElementById("connection");
  const say = (text) => {
    connection.textContent = text;
  };
  source.addEventListener("open", () => say("Live"));
  source.addEventListener("error", () => {
    say(source.readyState === EventSource.CLOSED ? "Not connected: load the page again" : "Connecting again …");
  });
  for (const [kind, listener] of Object.entries(listeners)) {
    source.addEventListener(kind, (event) => listener(JSON.parse(event.data)));
  }
  return () => {
    source.close();
    say("");
  };
}

export const followAll = (listeners) => follow("/ui/live", listeners);
export const followOne = (arn, listeners) => follow(`/ui/live/${encodeURIComponent(arn)}`, listeners);
