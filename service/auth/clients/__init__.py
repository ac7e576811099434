"""The registered OAuth clients."""
