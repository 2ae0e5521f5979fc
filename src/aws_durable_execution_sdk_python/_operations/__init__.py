"""The operations, each written once as a coroutine over the `Runtime` protocol."""
