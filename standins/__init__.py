"""Provider plugins that stand in for official ones where those can't be downloaded.

Each speaks the engine's provider protocol and keeps to the official schema's tokens, properties,
replace rules and errors. What it does not model it refuses, by name.
"""
