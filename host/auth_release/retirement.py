"""The end of containers and releases that are no longer live: drain, stop, prune."""

import dataclasses
from collections.abc import Sequence

from . import health
from .containers import Container
from .desired import Desired
from .records import Record
from .service_host import ServiceHost

_SERVED = ("live", "replaced")  # outcomes of releases that got requests


class Retirement:
    """Ends the containers of a service, and deletes its oldest releases."""

    def __init__(self, host: ServiceHost) -> None:
        self._host = host

    def retire_all_but(self, number: int | None) -> None:
        """Stop and remove every container except one release's, each after its last request.

        Without a readable record a container ends by the defaults of a desired state.
        """
        host = self._host
        records = {record.number: record for record in host.records.all()}
        for other, container in host.docker.containers(host.service).items():
            if other == number:
                continue
            with host.progress.step(f"Drain and stop {container.name}"):
                host.docker.keep_over_reboots(container.name, keep=False)
                record = records.get(other)
                self._drain(container, record.desired if record else None)
                grace = record.desired.stop_seconds if record else Desired.stop_seconds
                host.docker.stop_and_remove(container.name, grace=grace)
                host.records.remove_secrets(other)
        for other, record in records.items():
            if other != number and record.outcome in {"started", "live"}:
                host.records.remove_secrets(other)
                host.records.save(_ended(record, live=number))

    def prune(self, keep: int) -> None:
        """Delete old releases, and the images of deleted releases alone.

        Failed releases are counted apart: they must not push out the last good release.
        """
        host = self._host
        records = host.records.all()
        served = [record for record in records if record.outcome in _SERVED]
        others = [record for record in records if record.outcome not in _SERVED]
        kept = [*served[:keep], *others[:keep]]
        images = {record.desired.image for record in served[:keep]}
        self._tag(served[:keep])
        for record in records:
            if record not in kept:
                host.records.delete(record.number)
            image = record.desired.image
            if image not in images and host.docker.has_image(image):
                host.docker.remove_image(image)
        # an unreadable record lives as long as its neighbours: a newer tool may read it
        for number in host.records.unreadable():
            if len(served) >= keep and number < served[keep - 1].number:
                host.records.delete(number)

    def _drain(self, container: Container, desired: Desired | None) -> None:
        seconds = desired.drain_seconds if desired else Desired.drain_seconds
        open_connections = health.wait_until_drained(container.connections, seconds)
        if open_connections:
            self._host.progress.show(
                f"  {open_connections} connections were still open after {seconds:g} s"
            )

    def _tag(self, kept: Sequence[Record]) -> None:
        """Tag the images of these releases alone: Docker's prune takes untagged images."""
        docker, service = self._host.docker, self._host.service
        tagged = docker.tags(service)
        for record in kept:
            if record.number not in tagged and docker.has_image(record.desired.image):
                docker.tag(record)
        for number in tagged - {record.number for record in kept}:
            docker.untag(service, number)


def _ended(record: Record, *, live: int | None) -> Record:
    """Return the record of a release whose containers are gone."""
    if record.outcome == "started":
        return dataclasses.replace(record, outcome="interrupted", standby=0)
    if record.standby and record.standby == live:
        # the run was killed between going back and the record of it
        note = f"release {live} took over again, and the run was interrupted"
        return dataclasses.replace(record, outcome="failed", note=note)
    return dataclasses.replace(record, outcome="replaced", standby=0)
