"""The way on after a release on a cluster that failed, from the engine's event log."""

from components import advice
from stack import engine_log

_OF_RELEASES = frozenset({"kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job"})


def advised(log: bytes, stack: str) -> str:
    """Return what serves, and the commands that show why; empty if no release failed.

    The plugin names the state of Kubernetes' objects, which is seldom the cause.
    """
    failed = (
        (event.get("resOpFailedEvent") or {}).get("metadata") or {}
        for event in engine_log.events(log)
    )
    if not any(step.get("type") in _OF_RELEASES for step in failed):
        return ""
    return (
        "The release before, if there was one, goes on serving. "
        f"`{advice.make('status', stack)}` names the cause, and `{advice.make('logs', stack)}` "
        "has the last lines."
    )
