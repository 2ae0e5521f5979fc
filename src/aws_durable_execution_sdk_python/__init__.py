"""AWS Durable Execution SDK for Python."""
