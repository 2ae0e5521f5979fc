"""What every HTTP surface here answers and refuses: the service's and the runtimes'."""
