"""How the tools get onto a machine: Docker, the Python environment, the engine, its plugins."""
