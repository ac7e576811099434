"""Rate limits: how often a client, or an account from anywhere, may try what is worth guessing.

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

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.guard.addresses import counted_as
from auth.guard.caller import CALLER, hashed_name
from auth.guard.rates import Rate
from auth.observe.audit import Audit, Event
from auth.observe.metrics import Metrics
from auth.problems import Code, ProblemError
from auth.storage import limits
from auth.storage.database import Database

Remembered = TypeVar("Remembered")

# what is remembered in this process, to spare the database: some megabytes at the most
_REMEMBERED = 10_000
_ANSWER: ContextVar[dict[str, str] | None] = ContextVar("rate_limit_headers", default=None)


class Action(StrEnum):
    """What is limited."""

    LOGIN = "login"
    REGISTER = "register"
    MAIL = "mail"  # whatever sends one: forgot the password, verify the address
    GUESS = "guess"  # what could be guessed otherwise: second factor, mailed token, old password
    REFRESH = "refresh"
    TOKEN = "token"  # noqa: S105 - the token endpoint


class Limits:
    """Takes from the buckets of the current caller."""

    def __init__(
        self,
        database: Database,
        given: Mapping[str, Rate],
        metrics: Metrics,
        audit: Audit,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._rates, self._metrics, self._now = database, given, metrics, now
        self._audit = audit
        self._refused: OrderedDict[str, float] = OrderedDict()
        self._leases: OrderedDict[str, int] = OrderedDict()

    async def take(self, action: Action, account: str = "") -> None:
        """Count one attempt of the caller, and of the account if one is named; refuse with 429.

        `account` is what the client calls it, whether or not there is one.
        """
        await self._take(action, counted_as(CALLER.get().address))
        if account:
            await self.take_for(action, account)

    async def take_for(self, action: Action, account: str) -> None:
        """Count one attempt at the account alone, whoever makes it; refuse with 429."""
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
            _tell(name, rate, level)
            if fits:
                _remember(self._leases, bucket, rate.lease - 1)
                return
            until = now + (level + rate.lease - rate.count) * rate.seconds / rate.count
            _remember(self._refused, bucket, until)
            # the first of a flood: to write down each would be a flood of its own
            await self._audit.record(Event.RATE_LIMITED, success=False, limit=name)
        else:
            _tell(name, rate, rate.count)
        self._metrics.limited.labels(name).inc()
        raise ProblemError(Code.RATE_LIMITED, {"Retry-After": str(max(1, math.ceil(until - now)))})


class RateLimitHeaders:
    """Adds RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told: dict[str, str] = {}
        _ANSWER.set(told)

        async def answer(message: Message) -> None:
            if told and message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        await self._app(scope, receive, answer)


def _tell(name: str, rate: Rate, level: float) -> None:
    """Tell the client what is left: of the last limit that it met."""
    told = _ANSWER.get()
    if told is not None:
        left = max(0, math.floor(rate.count - level))
        empty = math.ceil(level * rate.seconds / rate.count)
        told["RateLimit-Policy"] = f'"{name}";q={rate.count};w={rate.seconds}'
        told["RateLimit"] = f'"{name}";r={left};t={empty}'


def _remember(memory: OrderedDict[str, Remembered], bucket: str, value: Remembered) -> None:
    memory[bucket] = value
    memory.move_to_end(bucket)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
