"""What can go wrong."""


class ReleaseError(Exception):
    """The release can't be made; the message says why and what to do. The old one still serves."""
