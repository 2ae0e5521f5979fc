"""Types of `map` and `parallel`, under the path the official SDK documents."""
