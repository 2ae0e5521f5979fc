"""The clocks of a local service, and how long functions may take."""
