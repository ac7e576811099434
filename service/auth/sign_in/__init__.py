"""The use cases of signing in: password, passkey, second factor, sessions, refresh."""
