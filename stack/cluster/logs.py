"""`make logs` on a cluster: the lines of all pods of the service, in the order of their times.

The cluster keeps the lines of a pod as long as the pod, and of each container the newest 10 MiB.
"""

import argparse
import contextlib
import queue
import re
import select
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from host.auth_release import logs
from host.auth_release.logs import Line, Query
from stack.cluster import objects, releases
from stack.cluster.api import Api, MissingObjectError
from stack.errors import StackError

_SIDE_BY_SIDE = 8
_LOOK_SECONDS = 1.0  # for new pods, and for a reader that left
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?")


def query(flags: Sequence[str]) -> tuple[Query, bool]:
    """Return the query of the flags that the release tool takes, and whether to follow."""
    parser = argparse.ArgumentParser()
    logs.add_flags(parser)
    arguments = parser.parse_args(flags)
    wanted = Query(
        lines=arguments.lines,
        since=arguments.since,
        pattern=arguments.grep,
        request=arguments.request or "",
    )
    return wanted, arguments.follow


def show(api: Api, wanted: Query, *, follow: bool) -> None:
    """Print the newest lines that fit; with `follow`, later lines as well, until it is stopped."""
    containers = _containers(api)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        stored = list(pool.map(lambda each: list(_stored(api, each, wanted)), containers))
    lines = sorted((line for each in stored for line in each), key=lambda line: line.at)
    for line in [line for line in lines if wanted.fits(line)][-wanted.lines :]:
        print(line)
    sys.stdout.flush()
    if follow:
        last = {
            container: max((line.at for line in own), default=wanted.since or 0.0)
            for container, own in zip(containers, stored, strict=True)
        }
        _Followed(api, wanted, last).show()


@dataclass(frozen=True, kw_only=True)
class _Container:
    """A start of a container: the lines of its last start but one are there, too."""

    pod: str
    name: str
    restarts: int
    previous: bool = False  # the start before `restarts`

    def flags(self) -> dict[str, str]:
        return {"container": self.name, "timestamps": "true"} | (
            {"previous": "true"} if self.previous else {}
        )

    @property
    def path(self) -> str:
        return f"{objects.PODS}/{self.pod}/log"


def _containers(api: Api) -> list[_Container]:
    pods = api.items(objects.PODS, labelSelector=objects.LABEL)
    return [each for pod in pods for each in _starts(pod)]


def _starts(pod: Mapping[str, Any]) -> Iterator[_Container]:
    """Return the starts of a pod's container whose lines are there; none before the first."""
    name = releases.container(pod["spec"])["name"]
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    status: Mapping[str, Any] = next((each for each in statuses if each["name"] == name), {})
    restarts = int(status.get("restartCount", 0))
    for previous, state in ((True, "lastState"), (False, "state")):
        began = status.get(state) or {}
        if "running" in began or (began.get("terminated") or {}).get("containerID"):
            yield _Container(
                pod=pod["metadata"]["name"], name=name, restarts=restarts, previous=previous
            )


def _stored(api: Api, container: _Container, wanted: Query) -> Iterator[Line]:
    flags = container.flags()
    if wanted.since is not None:
        flags["sinceTime"] = releases.moment(wanted.since)
    if not (wanted.pattern or wanted.request):
        flags["tailLines"] = str(wanted.lines)
    # a pod may go meanwhile, and the lines of its last start but one sooner
    with contextlib.suppress(MissingObjectError):
        yield from _parsed(api.text_lines(container.path, **flags), container.pod)


def _parsed(texts: Iterable[str], pod: str) -> Iterator[Line]:
    at = 0.0
    for text in texts:
        match = _TIME.match(text)
        if match:
            whole = datetime.fromisoformat(f"{match[1]}{match[3].replace('Z', '+00:00')}")
            at = whole.timestamp() + float(f"0.{match[2] or 0}")
        yield Line(at=at, source=pod, text=text[match.end() :] if match else text)


@dataclass
class _Followed:
    """Later lines of all containers, each read by a thread of its own, new pods' as well."""

    api: Api
    query: Query
    last: dict[_Container, float]  # the time of the newest line that was shown
    _lines: "queue.Queue[Line | StackError]" = field(default_factory=queue.Queue, init=False)
    _readers: dict[_Container, threading.Thread] = field(default_factory=dict, init=False)

    def show(self) -> None:
        looked = 0.0
        while True:
            if time.monotonic() - looked > _LOOK_SECONDS:
                if _reader_is_gone():
                    return
                self._start_readers()
                looked = time.monotonic()
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=_LOOK_SECONDS)
                if isinstance(line, StackError):
                    raise line
                if self.query.fits(line):
                    print(line, flush=True)

    def _start_readers(self) -> None:
        for container in _containers(self.api):
            reader = self._readers.get(container)
            if container.previous or (reader and reader.is_alive()):
                continue
            reader = threading.Thread(target=self._read, args=(container,), daemon=True)
            self._readers[container] = reader
            reader.start()

    def _read(self, container: _Container) -> None:
        shown = self.last.get(container, 0.0)
        flags = {**container.flags(), "follow": "true"}
        if shown:
            flags["sinceTime"] = releases.moment(shown)
        try:
            with self.api.later_lines(container.path, **flags) as texts:
                for line in _parsed(texts, container.pod):
                    # the question had whole seconds
                    if line.at > shown:
                        self.last[container] = line.at
                        self._lines.put(line)
        except MissingObjectError:
            return  # the pod is gone
        except StackError as error:
            self._lines.put(error)


def _reader_is_gone() -> bool:
    """Check whether nobody reads the output any more, as after `make logs FOLLOW=1 | head`."""
    gone = select.poll()
    gone.register(sys.stdout, 0)  # reports errors alone
    return bool(gone.poll(0))
