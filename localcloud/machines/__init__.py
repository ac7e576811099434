"""Machines and their surroundings in Docker: bridge, gateway, link-local services, registry."""
