"""The error that stops a command of the review."""

from common.progress import StepError


class ReviewError(StepError):
    """The command can't do its work; the message gives the reason and the way out."""
