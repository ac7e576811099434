"""The error that stops a command on a stack."""

from common.progress import StepError


class StackError(StepError):
    """The stack can't do it; the message gives the reason and the way out."""


class OutOfCapacityError(StackError):
    """No host has room for the VM, in the domain that was tried."""
