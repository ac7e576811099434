"""The client that tokens name when no other application asked for them: our own."""

FIRST_PARTY = "first-party"
