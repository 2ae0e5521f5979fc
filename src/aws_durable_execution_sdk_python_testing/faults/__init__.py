"""Faults of the service and of the way to it, injected on purpose and repeatable by a seed."""

from aws_durable_execution_sdk_python_testing.faults.errors import NoAnswerError
from aws_durable_execution_sdk_python_testing.faults.plan import FaultPlan, InjectedFault
from aws_durable_execution_sdk_python_testing.faults.service import FaultyInvoker, FaultyService
from aws_durable_execution_sdk_python_testing.faults.settings import Fault, Faults

__all__ = [
    "Fault",
    "FaultPlan",
    "Faults",
    "FaultyInvoker",
    "FaultyService",
    "InjectedFault",
    "NoAnswerError",
]
