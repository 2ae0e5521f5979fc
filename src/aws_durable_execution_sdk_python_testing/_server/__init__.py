"""The local durable service over HTTP: the API of Lambda's durable functions."""
