"""The resources: what each remembers, what it refuses, and how it changes."""
