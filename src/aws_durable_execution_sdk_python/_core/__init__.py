"""The parts that need no event loop, thread, clock or network: pure rules and data."""
