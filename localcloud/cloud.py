"""An emulated cloud: its account, its store, its machines, and its work in the background."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.faults import Faults
from localcloud.machines.machines import IngressRule, Machines
from localcloud.state.account import Account
from localcloud.state.home import Home
from localcloud.state.log_entries import LogEntries
from localcloud.state.mail import Post
from localcloud.state.points import Points
from localcloud.state.store import Store

log = logging.getLogger(__name__)

_WORKERS = 8  # jobs mostly wait for Docker


@dataclass(frozen=True, kw_only=True)
class Reach:
    """A machine's ingress rules, its public address, and its metadata document."""

    rules: tuple[IngressRule, ...]
    public_ip: str | None
    document: Mapping[str, Any]  # as the metadata service answers it


class Cloud:
    """An emulated cloud in the API server's process."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.account = Account.open(home)
        self.store = Store(home.database)
        self.points = Points(home.path / "points.sqlite")
        self.log_entries = LogEntries(home.log_entries)
        self.mail = Post(home)
        self.machines = Machines(home)
        self.faults = Faults()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="job")
        # who holds it may write to any running machine: none ends without it
        self.network_lock = threading.RLock()
        self.reach: dict[str, Reach] = {}  # by instance, as applied to its machine
        self.database_rules: dict[str, tuple[IngressRule, ...]] = {}  # by system, as applied
        # the rules and the public address of each load balancer, as applied
        self.balancer_reach: dict[str, tuple[tuple[IngressRule, ...], str | None]] = {}
        self.held_back: set[str] = set()  # instances that don't get their rules yet
        self._jobs_lock = threading.Lock()
        self._busy: set[str] = set()
        self._once_more: set[str] = set()
        # a job that sends other resources into passing states calls it; `lifecycle` sets it
        self.begin_work: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        """Return the time with the wire format's precision, so that it compares equal later."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def in_background(self, ocid: str, job: Callable[[], None]) -> None:
        """Run a resource's job soon; if its job is running already, run it again afterwards.

        The running job may have read resources that changed since.
        """
        with self._jobs_lock:
            if ocid in self._busy:
                self._once_more.add(ocid)
                return
            self._busy.add(ocid)
        self._workers.submit(self._run, ocid, job)

    def _run(self, ocid: str, job: Callable[[], None]) -> None:
        while True:
            try:
                job()
            except Exception:
                log.exception("The background job for %s failed", ocid)
            with self._jobs_lock:
                if ocid not in self._once_more:
                    self._busy.discard(ocid)
                    return
                self._once_more.discard(ocid)

    def close(self) -> None:
        """Wait for the running jobs. Jobs that have not begun follow after the next start."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self.store.close()
        self.points.close()
        self.log_entries.close()
        self.mail.close()
