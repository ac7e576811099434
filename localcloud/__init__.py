"""The emulated Oracle Cloud: OCI's HTTP API in front of machines that really boot."""
