"""The context of the current request: its caller, its id and its trace."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """`address` is an IP address, or `unknown`; `user_agent` is the header that the client sent."""

    address: str = "unknown"
    user_agent: str = ""
    proxied: bool = False


_UNKNOWN = Caller()
CALLER: ContextVar[Caller] = ContextVar("caller", default=_UNKNOWN)
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
TRACE_ID: ContextVar[str] = ContextVar("trace_id", default="")
