"""The paths of the durable API, for both packages."""

_VERSION = "/2025-12-01"
EXECUTIONS = f"{_VERSION}/durable-executions"
CALLBACKS = f"{_VERSION}/durable-execution-callbacks"
FUNCTIONS = f"{_VERSION}/functions"
