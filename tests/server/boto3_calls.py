"""Every durable operation by way of the boto3 that runs this; what it answers, as JSON.

A program of its own, for a Python with a newer boto3 than the one beside the SDK: it imports
nothing but boto3. It gets the service's URL.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError


def main(url: str) -> None:
    client = boto3.client("lambda", endpoint_url=url)
    answers: dict[str, Any] = {"version": boto3.__version__}

    def ask(operation: str, name: str = "", **parameters: Any) -> Any:
        try:
            answer = getattr(client, operation)(**parameters)
        except ClientError as error:
            answer = dict(error.response, raised=type(error).__name__)
        answer.pop("ResponseMetadata", None)
        if "Payload" in answer:
            answer["Payload"] = json.loads(answer["Payload"].read() or b"null")
        answers[name or operation] = answer
        return answer

    def callback(arn: str) -> str:
        pages = client.get_paginator("get_durable_execution_history")
        request = {"DurableExecutionArn": arn, "PaginationConfig": {"PageSize": 1}}
        while True:
            for page in pages.paginate(**request):
                for event in page["Events"]:
                    if event["EventType"] == "CallbackStarted":
                        return str(event["CallbackStartedDetails"]["CallbackId"])
            time.sleep(0.01)

    def start(name: str) -> Any:
        request = {"FunctionName": "approval:1", "InvocationType": "Event", "Payload": b"1"}
        return ask("invoke", f"start {name}", DurableExecutionName=name, **request)

    ask("invoke", FunctionName="echo:1", Payload=b'{"n": 1}', DurableExecutionName="echoed")
    ask("invoke", "taken", FunctionName="echo:1", Payload=b"2", DurableExecutionName="echoed")
    ask("invoke", "unqualified", FunctionName="echo", Payload=b"1")
    ask("invoke", "malformed", FunctionName="echo:1", Qualifier="1", Payload=b"{")
    arn = start("first")["DurableExecutionArn"]
    identity = {"DurableExecutionArn": arn}
    one = {"CallbackId": callback(arn)}
    ask("send_durable_execution_callback_heartbeat", **one)
    ask("pause_durable_execution", Reason="lunch", **identity)
    ask("get_durable_execution", "paused", **identity)
    ask("resume_durable_execution", **identity)
    ask("delete_durable_execution", "too early", **identity)
    error = {"ErrorMessage": "no", "ErrorType": "Denied", "ErrorData": "7", "StackTrace": ["l"]}
    ask("send_durable_execution_callback_failure", Error=error, **one)
    while client.get_durable_execution(**identity)["Status"] == "RUNNING":
        time.sleep(0.01)
    ask("send_durable_execution_callback_success", "closed", Result=b"1", **one)
    ask("get_durable_execution", **identity)
    ask("get_durable_execution_history", IncludeExecutionData=True, **identity)
    ask("checkpoint_durable_execution", CheckpointToken="YQ==", Updates=[], **identity)
    ask("get_durable_execution_state", CheckpointToken="YQ==", **identity)
    second = start("second")["DurableExecutionArn"]
    ask(
        "send_durable_execution_callback_success",
        CallbackId=callback(second),
        Result=b'"yes"',
    )
    third = start("third")["DurableExecutionArn"]
    callback(third)
    ask("stop_durable_execution", DurableExecutionArn=third, Error={"ErrorMessage": "enough"})
    ask("get_durable_execution", "stopped", DurableExecutionArn=third)
    ask("delete_durable_execution", **identity)
    ask("get_durable_execution", "deleted", **identity)
    pages = client.get_paginator("list_durable_executions_by_function").paginate(
        FunctionName="approval", ReverseOrder=True, PaginationConfig={"PageSize": 1}
    )
    answers["list"] = [one for page in pages for one in page["DurableExecutions"]]
    ask("list_durable_executions_by_function", FunctionName="a b")
    print(json.dumps(answers, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
