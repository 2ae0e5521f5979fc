"""A durable execution service in this process: the engine, driven by a clock and threads."""
