"""The error that stops a command on a stack."""

from common.progress import StepError


class StackError(StepError):
    """The stack can't do it; the message gives the reason and the way out."""
