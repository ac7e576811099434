"""The OAuth use cases: authorization requests and codes."""
