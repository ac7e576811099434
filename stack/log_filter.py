"""Few lines for a log: of each resource its beginning, its end, and now and then where it is."""

import re
import time
from collections.abc import Callable

_EVERY_SECONDS = 15
# as the CLI writes a row without a terminal: ` +  type name creating (3s) text`
_ROW = re.compile(r"^ .{2,3} (\S+ \S+) (\w+(?: replacement)?) \((?:\d|\.)+s\)")


class LogFilter:
    """Chooses the lines of the CLI's output that a log gets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown: dict[str, tuple[str, float]] = {}  # by resource: its last step, and when

    def keeps(self, line: str) -> bool:
        """Leave out a row that only repeats the step of its resource, unless it is a while ago."""
        row = _ROW.match(line)
        if not row:
            return True
        resource, step = row.groups()
        last_step, at = self._shown.get(resource, ("", 0.0))
        now = self._clock()
        if step == last_step and now - at < _EVERY_SECONDS:
            return False
        self._shown[resource] = (step, now)
        return True
