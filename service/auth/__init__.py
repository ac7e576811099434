"""The Authentication Service: accounts, passwords, and signed tokens that say who is who."""
