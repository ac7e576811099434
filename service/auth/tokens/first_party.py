"""The client in tokens that no other application asked for: our own."""

FIRST_PARTY = "first-party"
