"""Clients of the durable execution service. Nothing here imports an AWS library until used."""

from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient

__all__ = ["DurableServiceClient"]
