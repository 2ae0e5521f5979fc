"""What an execution environment of Lambda keeps from invocation to invocation."""
