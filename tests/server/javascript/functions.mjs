// Durable functions in JavaScript, with the official SDK, behind Lambda's Invoke API.
//
// Lambda would call the handlers itself; here a small HTTP server does: POST the event to
// /2015-03-31/functions/NAME/invocations. Where the durable service is, the SDK's client takes
// from AWS_ENDPOINT_URL_LAMBDA. Prints its own URL.
import http from "node:http";
import { withDurableExecution } from "@aws/durable-execution-sdk-js";

const functions = {
  order: withDurableExecution(async (event, context) => {
    const price = await context.step("price", async () => event.amount * 2);
    await context.wait("a while", { seconds: 3600 });
    const approved = await context.waitForCallback("approval", async () => {});
    return { price, approved };
  }),
  failing: withDurableExecution(async () => {
    throw new Error("out of stock");
  }),
};

function lambdaContext(name) {
  return {
    functionName: name,
    awsRequestId: crypto.randomUUID(),
    invokedFunctionArn: `arn:aws:lambda:us-west-2:123456789012:function:${name}:$LATEST`,
    getRemainingTimeInMillis: () => 60_000,
  };
}

const server = http.createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const name = decodeURIComponent(request.url.split("/")[3]);
  try {
    const answer = await functions[name](JSON.parse(body), lambdaContext(name));
    response.end(JSON.stringify(answer));
  } catch (error) {
    response.setHeader("X-Amz-Function-Error", "Unhandled");
    response.end(JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
});
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
