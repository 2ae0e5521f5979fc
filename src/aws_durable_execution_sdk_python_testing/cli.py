"""The `durable` command, under the module path it is documented by."""

from aws_durable_execution_sdk_python_testing._cli.main import main

__all__ = ["main"]
