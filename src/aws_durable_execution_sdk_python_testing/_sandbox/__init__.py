"""Functions in real Lambda runtime processes, on this machine.

Handlers run under `awslambdaric`, the client Lambda's own Python runtimes use, against an
implementation of the Lambda Runtime API. They talk to the durable service over HTTP as they do in
the cloud, and a process that is killed is gone with everything in it.

Example:
    with SandboxInvoker("http://127.0.0.1:5000") as invoker:
        invoker.register("orders", SandboxFunction.parse("app/orders.py:handler"))
        service = LocalService(invoker, store)
"""

from aws_durable_execution_sdk_python_testing._sandbox.function_logs import FunctionLogs, LogLine
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_function import SandboxFunction
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_invoker import SandboxInvoker

__all__ = ["FunctionLogs", "LogLine", "SandboxFunction", "SandboxInvoker"]
