"""Loads what a Lambda client needs of botocore's data, and no more.

botocore looks through the directories of some 400 services, reads the whole Lambda model and a
megabyte of endpoints. Two operations and the rules of endpoints are enough here.

Importing this module imports botocore; nothing does before a client is opened.
"""

from __future__ import annotations

from typing import Any

from botocore.loaders import Loader

from aws_durable_execution_sdk_python.service.model import service_description


class LeanLoader(Loader):  # type: ignore[misc]
    """botocore's loader, for clients of Lambda with the durable operations only."""

    def list_available_services(self, type_name: str) -> list[str]:
        return ["lambda"]

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        if type_name == "service-2":
            return service_description()
        return super().load_service_model(service_name, type_name, api_version)
