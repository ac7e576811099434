"""A changed line of the service: its edit, a deployment under load, and the first new answer."""

import contextlib
import threading
import time
import urllib.request
from collections.abc import Callable, Collection
from dataclasses import dataclass

from bench.timing import seconds
from tests.testbed.clone import Clone
from tests.testbed.load import Load

_SOURCE = "service/auth/__init__.py"
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Round:
    """A changed line: seconds from its edit, and the requests meanwhile."""

    serving: float  # until the first answer of the new code
    command: float  # until the command ended
    sent: int
    lost: int


def lost(rounds: Collection[Round]) -> str:
    return f"{sum(each.lost for each in rounds)} of {sum(each.sent for each in rounds):,}"


class Line:
    """A line of the service's sources in a clone; `number` counts its changes."""

    def __init__(self, clone: Clone) -> None:
        self._source = clone.path / _SOURCE
        self.number = 0

    def edit(self) -> str:
        """Change the line; return a text that `GET /version` then shows."""
        self.number += 1
        change = f"bench-{self.number}"
        text = self._source.read_text().partition("\nimport os\n")[0]
        self._source.write_text(f'{text}\nimport os\nos.environ["AUTH_REVISION"] = "{change}"\n')
        return change

    def deployed(
        self,
        deploy: Callable[[], object],
        url: str,
        *,
        settle: Callable[[], object] = lambda: None,
    ) -> Round:
        """Change the line under load, and deploy it.

        `settle` returns at the end of the former release: until then the load goes on.
        """
        with Load(url) as load:
            time.sleep(2)
            first_answer = FirstAnswer(url, self.edit())
            command = seconds(deploy)
            serving = first_answer.wait()
            settle()
            time.sleep(2)
        return Round(serving, command, load.sent, len(load.failures))


class FirstAnswer:
    """Watches `GET /version` until it shows a change; `seconds` counts from the start."""

    def __init__(self, url: str, change: str) -> None:
        self._url, self._change = f"{url}/version", change.encode()
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self.seconds = float("inf")

    def wait(self) -> float:
        """Return the seconds; the command has ended, so the new code must answer soon."""
        self._thread.join(30)
        self._ended.set()
        if self._thread.is_alive():
            raise SystemExit(f"{self._url} does not show the changed line")
        return self.seconds

    def _watch(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(self._url, timeout=5) as answer,  # noqa: S310 - http alone
            ):
                if self._change in answer.read():
                    self.seconds = time.monotonic() - self._started
                    return
