"""Loads what a Lambda client needs of botocore's data, and no more.

botocore looks through the directories of some 400 services, reads the whole Lambda model, and
over a megabyte of endpoints of which the rules of Lambda's endpoints make no use. Two operations,
those rules and the partitions are enough here.

Importing this module imports botocore; nothing does before a client is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.loaders import Loader

from aws_durable_execution_sdk_python._service.model import service_description

_HOST = "{service}.{region}.{dnsSuffix}"
_FIPS_HOST = "{service}-fips.{region}.{dnsSuffix}"


class LeanLoader(Loader):  # type: ignore[misc]
    """botocore's loader, for clients of Lambda with the operations of an invocation only.

    The session's clients of other services, which credentials may come from, get whole models.
    """

    def __init__(self) -> None:
        super().__init__()
        self._whole = Loader()

    def list_available_services(self, type_name: str) -> list[str]:
        return ["lambda"]

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        if service_name != "lambda":
            return self._whole.load_service_model(service_name, type_name, api_version)
        if type_name == "service-2":
            return service_description()
        return super().load_service_model(service_name, type_name, api_version)

    def load_data_with_path(self, name: str) -> Any:
        if name != "endpoints":
            return super().load_data_with_path(name)
        data, path = super().load_data_with_path("partitions")
        partitions = [_endpoints(partition) for partition in data["partitions"]]
        return {"version": 3, "partitions": partitions}, path


def _endpoints(partition: Mapping[str, Any]) -> dict[str, Any]:
    """A partition as the older format has it, without services: patterns serve for them all."""
    suffix = partition["outputs"]["dnsSuffix"]
    dual_stack = partition["outputs"]["dualStackDnsSuffix"]
    return {
        "partition": partition["id"],
        "dnsSuffix": suffix,
        "regionRegex": partition["regionRegex"],
        "regions": partition["regions"],
        "services": {},
        "defaults": {
            "hostname": _HOST,
            "protocols": ["https"],
            "signatureVersions": ["v4"],
            "variants": [
                {"tags": ["fips"], "hostname": _FIPS_HOST, "dnsSuffix": suffix},
                {"tags": ["dualstack"], "hostname": _HOST, "dnsSuffix": dual_stack},
                {"tags": ["dualstack", "fips"], "hostname": _FIPS_HOST, "dnsSuffix": dual_stack},
            ],
        },
    }
