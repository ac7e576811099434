"""Secrets: opaque tokens, password hashes, sealing at rest."""
