"""Executions that a service elsewhere runs: in AWS, or a local one behind HTTP."""
