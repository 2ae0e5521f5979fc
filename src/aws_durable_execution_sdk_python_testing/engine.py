"""The limits of the local service, for runners that are to have other ones."""

from aws_durable_execution_sdk_python_testing._engine.service_limits import Limits

__all__ = ["Limits"]
