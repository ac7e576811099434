"""Faults on request: failures of the real cloud that a caller must survive."""

import itertools
import threading
from typing import Literal

from pydantic import Field

from localcloud.api import errors
from localcloud.api.wire import Details


class Fault(Details):
    """A failure to cause. It strikes `times` times; without a number, until it is removed."""

    kind: Literal[
        "outOfHostCapacity",
        "limitExceeded",
        "notAuthenticated",
        "loggingUnavailable",
        "slowBoot",
        "sshdLate",
        "aptBusy",
    ]
    availability_domain: str | None = None  # the only domain it strikes; absent: all
    seconds: float = Field(default=10, gt=0, le=600)  # slowBoot, sshdLate, aptBusy
    limits: tuple[str, ...] = ("standard-a1-core-count", "standard-a1-memory-count")
    times: int | None = Field(default=None, ge=1)


class Faults:
    """The faults that wait to strike. They are forgotten when the server ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[Fault, int | None]] = {}  # with the times left

    def add(self, fault: Fault) -> int:
        """Add a fault; return its number."""
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = (fault, fault.times)
            return number

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._waiting.clear()

    def listed(self) -> list[dict[str, object]]:
        """Return the faults as JSON, each with the times that are left."""
        with self._lock:
            return [
                {"id": number, **fault.model_dump(mode="json", by_alias=True), "left": left}
                for number, (fault, left) in self._waiting.items()
            ]

    def strike(self, kind: str, availability_domain: str | None = None) -> Fault | None:
        """Return the fault that strikes now, if any, and count it."""
        with self._lock:
            for number, (fault, left) in self._waiting.items():
                domain = fault.availability_domain
                if fault.kind != kind or domain not in {None, availability_domain}:
                    continue
                if left is not None and left <= 1:
                    del self._waiting[number]
                elif left is not None:
                    self._waiting[number] = (fault, left - 1)
                return fault
        return None

    def exceeded(self, availability_domain: str) -> set[str]:
        """Return the limits that a launch in the domain would exceed; nothing is counted."""
        with self._lock:
            return {
                limit
                for fault, _ in self._waiting.values()
                if fault.kind == "limitExceeded"
                and fault.availability_domain in {None, availability_domain}
                for limit in fault.limits
            }

    def strike_launch(self, availability_domain: str) -> None:
        """Refuse a launch as the real service does when it has no room, or you no allowance."""
        if self.strike("outOfHostCapacity", availability_domain):
            raise errors.out_of_host_capacity()
        if fault := self.strike("limitExceeded", availability_domain):
            raise errors.limit_exceeded(*fault.limits)
