"""The Authentication Service: accounts, passwords, and signed tokens that identify users."""
