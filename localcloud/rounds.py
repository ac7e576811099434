"""The recurring work of the cloud: a thread for each kind, from the start of the API server on."""

import logging
import threading

from localcloud.cloud import Cloud
from localcloud.discovery import RESOURCE_TYPES
from localcloud.service import Recurring

log = logging.getLogger(__name__)


class Rounds:
    """The threads of the recurring work; a failure is logged, and the next time is in its turn."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(resource_type.recurring,), daemon=True)
            for resource_type in RESOURCE_TYPES
            if resource_type.recurring
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End the work; wait for the present round."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, recurring: Recurring) -> None:
        while not self._stop.wait(recurring.seconds):
            try:
                recurring.work(self._cloud)
            except Exception:
                log.exception("The recurring work %s failed", recurring.work.__name__)
