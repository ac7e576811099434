"""The plan of a release in a cluster, from the observed state: its number and its annotations."""

from components.observed_workload import ObservedWorkload

PLANNED = "auth-on-oci/release"  # of the Deployment: the number of the release that is planned


def planned_number(observed: ObservedWorkload | None, fingerprint: str) -> tuple[int, str | None]:
    """Return the number of the release that will run, and a reason that a preview should show.

    The newest release stays if it has the desired pod template; else the next number is taken.
    """
    if observed is None:
        return 1, None
    if observed.fingerprint == fingerprint:
        return observed.number, None
    if (act := observed.rollback) and observed.serving is None:
        return observed.number + 1, (
            f"Release {observed.number} is a rollback to release {act.of}, by {act.by}. The "
            f"program describes another release, which takes its place as release "
            f"{observed.number + 1}."
        )
    return observed.number + 1, None


def not_serving(observed: ObservedWorkload) -> str:
    """Return the warning of a newest release whose pods do not get ready."""
    return (
        f"Release {observed.number} does not serve ({observed.problem}), and release "
        f"{observed.serving} does in its place."
    )


def failed_releases(observed: ObservedWorkload | None) -> str:
    """Return the numbers of the releases that did not serve, for the Deployment to remember."""
    if observed is None:
        return ""
    failed = {*observed.failed, observed.number}
    if observed.serving is None:
        failed.discard(observed.number)
    return " ".join(map(str, sorted(failed)))


def cause(revision: str, person: str) -> str:
    """Return the cause of a release, as Kubernetes shows it in the history of a rollout."""
    return f"{revision} by {person}" if person else revision
