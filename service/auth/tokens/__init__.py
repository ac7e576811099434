"""Signed tokens: keys, access tokens, ID tokens, scopes."""
