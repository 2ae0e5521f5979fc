"""What a test sees of an execution: its result, operations and history, and how they read."""
