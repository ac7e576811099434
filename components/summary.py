"""What may be shown of values that may not be: a mark that changes when the value does."""

import hashlib
import hmac
from collections.abc import Mapping

import pulumi

_DIGITS = 12  # 48 bits: two values that anybody compares do not meet by chance


def mark(key: str, name: str, value: str) -> str:
    """Mark a variable's value: equal for the same key, name and value, and nothing else to learn.

    A plain hash of a value that can be guessed could be found by guessing; a keyed one (HMAC,
    RFC 2104) takes the key. The name is part of it, so that two variables with the same value do
    not show that they have it.
    """
    text = f"{name}={value}".encode()
    digest = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:_DIGITS]
    # a preview shows it where people look for the value
    return f"not shown, mark {digest}"


def marks(
    key: pulumi.Input[str], values: Mapping[str, pulumi.Input[str]]
) -> dict[str, pulumi.Output[str]]:
    """Mark each value of a mapping by a secret `key`; the marks themselves are no secret."""
    return {name: _marked(key, name, value) for name, value in sorted(values.items())}


def _marked(key: pulumi.Input[str], name: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
    marked = pulumi.Output.all(key, value).apply(lambda both: mark(both[0], name, both[1]))
    return pulumi.Output.unsecret(marked)
