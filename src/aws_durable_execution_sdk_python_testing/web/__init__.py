"""The service over HTTP, under the module path it is documented by."""
