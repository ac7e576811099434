"""Upstreams: other providers that sign users in here (OpenID Connect, and GitHub's OAuth 2.0)."""
