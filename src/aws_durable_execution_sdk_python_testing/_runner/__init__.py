"""The runners of tests that run functions in this process."""
