"""Stand-ins for the official provider plugins, for machines that can't download them.

Each speaks the engine's provider protocol and keeps to the official schema's tokens, properties,
replace rules and errors. It refuses unmodelled properties and resources, by name.
"""
