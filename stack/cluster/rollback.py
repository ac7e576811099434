"""`make rollback` on a cluster: the pods of an earlier release again, as `kubectl rollout undo`.

The Deployment takes the pod template of that release's ReplicaSet, which gets a new number.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from common import progress
from components import advice
from components.observed_workload import CAUSE, ROLLBACK, Rollback
from stack.cluster import objects, owners, pods, releases
from stack.cluster.api import Api, MissingObjectError
from stack.cluster.releases import Release, Releases
from stack.errors import StackError

_PAUSE_SECONDS = 0.5
_RESERVE_SECONDS = 30  # after the Deployment's own deadline, which Kubernetes tells
_DEFAULT_DEADLINE = 600  # seconds, of a Deployment without one


def run(api: Api, number: int | None, *, by: str) -> dict[str, Any]:
    """Release an earlier release again, and wait until its pods serve; return its report.

    `made` in it is False if it was there already. Raises StackError, with the reason, for a release
    that can't run again, and for pods that are not ready within the Deployment's deadline.
    """
    known = releases.read(api)
    earlier = target(known, number)
    if earlier is known.newest and earlier.outcome == "live":
        return {**earlier.public(), "made": False}
    _refuse_missing_secrets(api, earlier)
    _take_template(api, known, earlier, number=number or earlier.number, by=by)
    owners.give_to_program(api)
    with progress.step(f"Start the pods of release {earlier.number} again"):
        made = _served(api, earlier)
    return {**made.public(), "made": True}


def target(known: Releases, number: int | None) -> Release:
    """Return the release that runs again.

    Without a number it is the release before the live one; while a newer release begins or fails,
    it is the live one, whose pods take the place of the newer.
    """
    live, newest = known.live, known.newest
    if number is None:
        choice = [each for each in known.all if each.outcome == "replaced"]
        if live and live is not newest:
            return live
        if not choice:
            raise StackError("There is no earlier release to roll back to.")
        return choice[0]
    for release in known.all:
        if number == release.number or number in release.former_numbers:
            return _possible(known, release, number)
    newest_number = newest.number if newest else 0
    obstacle = (
        f"there was no such release; the newest is {newest_number}"
        if number > newest_number
        else "it is too old: Kubernetes keeps the newest of them alone"
    )
    raise _refused(known, number, obstacle)


def _possible(known: Releases, release: Release, number: int) -> Release:
    if release.outcome in {"failed", "started"}:
        raise _refused(known, number, "its pods did not get ready")
    return release


def _refused(known: Releases, number: int, obstacle: str) -> StackError:
    numbers = [str(each.number) for each in known.all if each.outcome in {"live", "replaced"}]
    return StackError(
        f"can't roll back to release {number}: {obstacle}. Choose from: {', '.join(numbers)}"
    )


def _refuse_missing_secrets(api: Api, release: Release) -> None:
    """Raise StackError if a Secret of the release is gone: its pods would wait for it for ever."""
    for name in sorted(set(_secrets(release.replica_set["spec"]["template"]["spec"]))):
        try:
            api.metadata(f"{objects.SECRETS}/{name}")
        except MissingObjectError:
            raise StackError(
                f"can't roll back to release {release.number}: its Secret {name} is gone, so its "
                "pods could not start. Put the former values into the configuration, and "
                f"`{advice.make('up', api.stack)}` releases them."
            ) from None


def _secrets(pod: Mapping[str, Any]) -> Iterator[str]:
    for volume in pod.get("volumes") or ():
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            secret = source.get("secret") or {}
            if name := secret.get("secretName") or secret.get("name"):
                yield str(name)


def _take_template(api: Api, known: Releases, release: Release, *, number: int, by: str) -> None:
    """Put the release's pod template into the Deployment, unless somebody changes it meanwhile."""
    metadata = known.deployment["metadata"]
    template = json.loads(json.dumps(release.replica_set["spec"]["template"]))
    template["metadata"].get("labels", {}).pop(objects.TEMPLATE_HASH, None)
    next_number = max(each.number for each in known.all) + 1
    act = Rollback(release=next_number, of=number, by=by, at=releases.moment(time.time()))
    cause = (release.replica_set["metadata"].get("annotations") or {}).get(CAUSE, "")
    api.change(
        objects.DEPLOYMENT,
        [
            {"op": "test", "path": "/metadata/generation", "value": metadata["generation"]},
            {"op": "replace", "path": "/spec/template", "value": template},
            *_annotations({ROLLBACK: act.text(), CAUSE: cause}),
        ],
    )


def _annotations(values: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    # a path has ~1 in the place of a slash: https://www.rfc-editor.org/rfc/rfc6901
    return [
        {"op": "add", "path": f"/metadata/annotations/{name.replace('/', '~1')}", "value": value}
        for name, value in values.items()
    ]


def _served(api: Api, earlier: Release) -> Release:
    """Wait until all pods are those of the release; return it with its new number."""
    begin = time.monotonic()
    while True:
        known = releases.read(api)
        newest = known.newest
        deadline = known.deployment["spec"].get("progressDeadlineSeconds", _DEFAULT_DEADLINE)
        if newest and newest.fingerprint == earlier.fingerprint:
            if newest.outcome == "live" and newest.ready >= newest.wanted > 0:
                return newest
            late = time.monotonic() - begin > deadline + _RESERVE_SECONDS
            if newest.outcome == "failed" or late:
                raise StackError(_failure(api, known, newest))
        elif time.monotonic() - begin > deadline + _RESERVE_SECONDS:
            raise StackError("The cluster does not begin the rollback: its controllers are silent.")
        time.sleep(_PAUSE_SECONDS)


def _failure(api: Api, known: Releases, newest: Release) -> str:
    own = pods.of_releases(api.items(objects.PODS, labelSelector=objects.LABEL))
    reason = pods.reason(own, newest.fingerprint) or "its pods are not ready"
    live = f" Release {known.live.number} goes on serving." if known.live else ""
    status = advice.make("status", api.stack)
    return f"Release {newest.number} does not become ready: {reason}.{live} See `{status}`."
