"""The errors of the testing SDK."""

from __future__ import annotations


class DurableFunctionsTestError(Exception):
    """A test asked for something that is not there, or used a runner in a wrong way."""


class DurableFunctionsLocalRunnerError(Exception):
    """The local service cannot do its work."""
