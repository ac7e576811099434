"""Protection against abuse: client addresses, rate limits, lockout."""
