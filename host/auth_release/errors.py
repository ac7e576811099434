"""The error of the release tool."""


class ReleaseError(Exception):
    """The release can't be made; the message has the reason and the way out.

    The former release still serves.
    """


class BrokenCopyError(ReleaseError):
    """A copy can't be fetched whole, or its database is broken."""
