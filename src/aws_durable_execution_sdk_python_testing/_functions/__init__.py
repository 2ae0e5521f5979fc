"""Functions as the service calls them, and those that run in the service's own process."""
