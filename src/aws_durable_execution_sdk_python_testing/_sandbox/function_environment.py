"""The environment variables of a function's process: Lambda's, and little of this machine's."""

from __future__ import annotations

import os
import sys
import uuid
from datetime import UTC, datetime

from aws_durable_execution_sdk_python._core.arns import FunctionArn
from aws_durable_execution_sdk_python_testing._engine.function_targets import DEFAULT_QUALIFIER
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_function import SandboxFunction

# Without these, Python and what it calls may not work here. Anything else, AWS's own settings
# above all, would make the function depend on who runs it.
_INHERITED = ("HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR")


# The variable whose value tells the processes of one environment from all others.
UNIQUE_VARIABLE = "AWS_LAMBDA_LOG_STREAM_NAME"


def lambda_environment(
    function: SandboxFunction, function_arn: str, *, runtime_api: str, service_url: str
) -> dict[str, str]:
    """The variables a process of `function` starts with.

    Parameters:
        function: whose process it is. Its own variables override the others.
        function_arn: its ARN with qualifier: region, name and version.
        runtime_api: host and port of the Runtime API for this process.
        service_url: of the durable service.
    """
    arn = FunctionArn.parse(function_arn)
    version = arn.qualifier or DEFAULT_QUALIFIER
    return {
        **_inherited(),
        "_HANDLER": function.handler,
        # Never valid anywhere. Requests are signed with them, and nobody here checks.
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        # Lambda has no such files, and the developer's must not show through.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": arn.region,
        "AWS_ENDPOINT_URL_LAMBDA": service_url,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_FUNCTION_NAME": arn.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{arn.name}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": arn.region,
        "LAMBDA_TASK_ROOT": str(function.task_root),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **function.environment,
        # Reserved, as in Lambda: no two processes share it.
        UNIQUE_VARIABLE: _log_stream(version),
    }


def _inherited() -> dict[str, str]:
    variables = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    if "PYTHONPATH" in variables:
        # Relative to this process's directory, which is not the function's.
        places = variables["PYTHONPATH"].split(os.pathsep)
        variables["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, places))
    return variables


def _log_stream(version: str) -> str:
    """A name of its own for each process, dated as Lambda's are."""
    return f"{datetime.now(UTC):%Y/%m/%d}/[{version}]{uuid.uuid4().hex}"
