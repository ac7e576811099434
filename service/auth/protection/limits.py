"""Rate limits: how often a client, or an account from anywhere, may make an attempt.

Counted in the database, so that a restart forgets nothing and the two processes of a release count
together. Each is a leaky bucket: `count` at once, and again as many as leak in `seconds`.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from enum import StrEnum
from typing import TypeVar

from auth.context import CALLER
from auth.errors import Code, ProblemError
from auth.protection.counted import counted_as, hashed_name
from auth.protection.rates import Rate
from auth.storage import limits
from auth.storage.database import Database
from auth.telemetry.audit import Audit, Event
from auth.telemetry.metrics import Metrics

Remembered = TypeVar("Remembered")

# buckets remembered in this process, to spare the database: some megabytes at the most
_REMEMBERED = 10_000
RATE_LIMIT_HEADERS: ContextVar[dict[str, str] | None] = ContextVar(
    "rate_limit_headers", default=None
)


class Action(StrEnum):
    """A limited action."""

    LOGIN = "login"
    REGISTER = "register"
    MAIL = "mail"  # anything that sends a mail: forgotten password, verification
    GUESS = "guess"  # anything that could be guessed: second factor, mailed token, old password
    REFRESH = "refresh"
    TOKEN = "token"  # noqa: S105 - the token endpoint


class Limits:
    """Takes from the buckets of the current caller."""

    def __init__(
        self,
        database: Database,
        rates: Mapping[str, Rate],
        metrics: Metrics,
        audit: Audit,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._rates, self._metrics, self._now = database, rates, metrics, now
        self._audit = audit
        self._refused: OrderedDict[str, float] = OrderedDict()
        self._leases: OrderedDict[str, int] = OrderedDict()

    async def take(self, action: Action, account: str = "", *, device: str = "") -> None:
        """Count an attempt of the caller, and of the account if one is named; refuse with 429.

        `account` is the name that the client sent, with or without such an account. A known
        `device` of the account is counted in place of its address, which it shares with strangers.
        """
        caller = f"device:{device}" if device else counted_as(CALLER.get().address)
        await self._take(action, caller)
        if account:
            await self.take_for(action, account)

    async def take_for(self, action: Action, account: str) -> None:
        """Count an attempt at the account alone, from any client; refuse with 429."""
        await self._take(f"{action}_account", hashed_name(account))

    async def _take(self, name: str, who: str) -> None:
        rate, bucket, now = self._rates[name], f"{name}:{who}", self._now()
        if not rate.count:
            return
        if self._leases.get(bucket, 0) > 0:
            self._leases[bucket] -= 1
            return
        until = self._refused.get(bucket, 0)
        if until <= now:
            fits, level = await self._database.write(
                limits.pour,
                bucket,
                amount=rate.lease,
                capacity=rate.count,
                rate=rate.count / rate.seconds,
                now=now,
            )
            _show_rest(name, rate, level)
            if fits:
                _remember(self._leases, bucket, rate.lease - 1)
                return
            until = now + (level + rate.lease - rate.count) * rate.seconds / rate.count
            _remember(self._refused, bucket, until)
            # only the first of a flood: an event for each would be a flood of events
            await self._audit.record(Event.RATE_LIMITED, success=False, limit=name)
        else:
            _show_rest(name, rate, rate.count)
        self._metrics.limited.labels(name).inc()
        raise ProblemError(Code.RATE_LIMITED, {"Retry-After": str(max(1, math.ceil(until - now)))})


def _show_rest(name: str, rate: Rate, level: float) -> None:
    """Show the client the rest of the last limit that it met."""
    headers = RATE_LIMIT_HEADERS.get()
    if headers is not None:
        left = max(0, math.floor(rate.count - level))
        empty = math.ceil(level * rate.seconds / rate.count)
        headers["RateLimit-Policy"] = f'"{name}";q={rate.count};w={rate.seconds}'
        headers["RateLimit"] = f'"{name}";r={left};t={empty}'


def _remember(memory: OrderedDict[str, Remembered], bucket: str, value: Remembered) -> None:
    memory[bucket] = value
    memory.move_to_end(bucket)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
