"""Where executions are kept."""

from aws_durable_execution_sdk_python_testing.stores.base import (
    EventStore,
    Record,
    StoreDamagedError,
    StoreError,
    StoreFormatError,
    StoreLockedError,
    StoreWriteError,
)
from aws_durable_execution_sdk_python_testing.stores.filesystem import FileSystemExecutionStore
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore
from aws_durable_execution_sdk_python_testing.stores.sqlite import SQLiteExecutionStore

__all__ = [
    "EventStore",
    "FileSystemExecutionStore",
    "InMemoryExecutionStore",
    "Record",
    "SQLiteExecutionStore",
    "StoreDamagedError",
    "StoreError",
    "StoreFormatError",
    "StoreLockedError",
    "StoreWriteError",
]
