"""A trial of a release on a share of the requests, decided by its answers."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from .desired import Canary
from .errors import ReleaseError

# A share of fewer answers proves nothing: a single error would be too many.
_ANSWERS = 20


@dataclass(frozen=True, kw_only=True)
class Tally:
    answers: int
    errors: int

    @property
    def percent(self) -> float:
        return 100 * self.errors / self.answers if self.answers else 0


def watch(
    canary: Canary,
    *,
    count: Callable[[], Tally],
    exit_code: Callable[[], int | None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Tally:
    """Watch until the trial's end; raise ReleaseError as soon as it has failed.

    `count` returns the answers so far, and `exit_code` that of a container that ended.
    """
    end = now() + canary.seconds
    while True:
        code = exit_code()
        if code is not None:
            raise ReleaseError(f"the canary ended with exit code {code}")
        tally = count()
        over = now() >= end
        if (over or tally.answers >= _ANSWERS) and tally.percent > canary.max_error_percent:
            raise ReleaseError(
                f"the canary failed: {tally.errors} of {tally.answers} answers were server errors "
                f"({tally.percent:.1f} %, at most {canary.max_error_percent:g} % are allowed)"
            )
        if over:
            return tally
        sleep(min(1.0, max(end - now(), 0.05)))


def read(log: Path) -> Tally:
    """Count the answers in the proxy's log.

    An unfinished line does not count, nor does status 0: its client left before the answer.
    """
    answers = errors = 0
    content = log.read_bytes() if log.exists() else b""
    # a newline alone ends a record: JSON's text may hold other characters that end lines
    for line in content.split(b"\n"):
        try:
            status = int(json.loads(line)["status"])
        except (ValueError, KeyError, TypeError):
            continue
        answers += status > 0
        errors += status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return Tally(answers=answers, errors=errors)
