"""The use cases of an account: register, verify, reset, change, administer."""
