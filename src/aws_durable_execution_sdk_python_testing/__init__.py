"""Testing SDK for durable functions: run them in process, or against a deployed function.

Names are imported when first used: the pytest plugin lives in this package, and pytest imports
it in every project that has the package installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._core.model import (
        ErrorObject,
        ExecutionStatus,
        InvocationStatus,
        OperationStatus,
        OperationType,
    )
    from aws_durable_execution_sdk_python_testing._exploration import (
        CrashExplorationError,
        CrashPoint,
        CrashReport,
        Moment,
    )
    from aws_durable_execution_sdk_python_testing._exploration.sandbox_exploration import (
        explore_sandbox_crashes,
    )
    from aws_durable_execution_sdk_python_testing._faults import Faults
    from aws_durable_execution_sdk_python_testing._local_service.callback_responder import (
        CALLBACK_TIMEOUT,
    )
    from aws_durable_execution_sdk_python_testing._recordings import (
        Recording,
        assert_replays,
        find_recordings,
        replay,
    )
    from aws_durable_execution_sdk_python_testing._remote.cloud_runner import (
        DurableFunctionCloudTestRunner,
    )
    from aws_durable_execution_sdk_python_testing._results.payloads import (
        deserialize_operation_payload,
    )
    from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult
    from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError
    from aws_durable_execution_sdk_python_testing.runner import (
        AsyncDurableFunctionTestRunner,
        DurableChildContextTestRunner,
        DurableFunctionTestRunner,
    )
    from aws_durable_execution_sdk_python_testing.web.server import (
        StoreType,
        WebRunner,
        WebRunnerConfig,
        WebServiceConfig,
    )

    __version__: str

__all__ = [
    "CALLBACK_TIMEOUT",
    "AsyncDurableFunctionTestRunner",
    "CrashExplorationError",
    "CrashPoint",
    "CrashReport",
    "DurableChildContextTestRunner",
    "DurableFunctionCloudTestRunner",
    "DurableFunctionTestResult",
    "DurableFunctionTestRunner",
    "DurableFunctionsTestError",
    "ErrorObject",
    "ExecutionStatus",
    "Faults",
    "InvocationStatus",
    "Moment",
    "OperationStatus",
    "OperationType",
    "Recording",
    "StoreType",
    "WebRunner",
    "WebRunnerConfig",
    "WebServiceConfig",
    "__version__",
    "assert_replays",
    "deserialize_operation_payload",
    "explore_sandbox_crashes",
    "find_recordings",
    "replay",
]

_MODEL = "aws_durable_execution_sdk_python._core.model"
_RECORDINGS = f"{__name__}._recordings"
_WEB = f"{__name__}.web.server"
_EXPLORATION = f"{__name__}._exploration"
_HOMES = {
    "__version__": "aws_durable_execution_sdk_python",
    "CALLBACK_TIMEOUT": f"{__name__}._local_service.callback_responder",
    "CrashExplorationError": _EXPLORATION,
    "CrashPoint": _EXPLORATION,
    "CrashReport": _EXPLORATION,
    "Moment": _EXPLORATION,
    "explore_sandbox_crashes": f"{_EXPLORATION}.sandbox_exploration",
    "AsyncDurableFunctionTestRunner": f"{__name__}.runner",
    "DurableChildContextTestRunner": f"{__name__}.runner",
    "DurableFunctionCloudTestRunner": f"{__name__}._remote.cloud_runner",
    "DurableFunctionTestResult": f"{__name__}._results.result",
    "DurableFunctionTestRunner": f"{__name__}.runner",
    "DurableFunctionsTestError": f"{__name__}.exceptions",
    "ErrorObject": _MODEL,
    "ExecutionStatus": _MODEL,
    "Faults": f"{__name__}._faults",
    "InvocationStatus": _MODEL,
    "OperationStatus": _MODEL,
    "OperationType": _MODEL,
    "Recording": _RECORDINGS,
    "StoreType": _WEB,
    "WebRunner": _WEB,
    "WebRunnerConfig": _WEB,
    "WebServiceConfig": _WEB,
    "assert_replays": _RECORDINGS,
    "deserialize_operation_payload": f"{__name__}._results.payloads",
    "find_recordings": _RECORDINGS,
    "replay": _RECORDINGS,
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
