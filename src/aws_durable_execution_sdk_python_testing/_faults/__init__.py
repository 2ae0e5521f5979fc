"""Faults of the service and of the way to it, injected on purpose and repeatable by a seed."""

from aws_durable_execution_sdk_python_testing._faults.fault_errors import NoAnswerError
from aws_durable_execution_sdk_python_testing._faults.fault_plan import FaultPlan, InjectedFault
from aws_durable_execution_sdk_python_testing._faults.fault_settings import Fault, Faults
from aws_durable_execution_sdk_python_testing._faults.faulty_service import (
    FaultyInvoker,
    FaultyService,
)

__all__ = [
    "Fault",
    "FaultPlan",
    "Faults",
    "FaultyInvoker",
    "FaultyService",
    "InjectedFault",
    "NoAnswerError",
]
