"""Marks of values that must not be shown: a mark changes when its value changes."""

import hashlib
import hmac
from collections.abc import Mapping

import pulumi

_DIGITS = 12  # 48 bits: two values of a variable have the same mark in 1 of 10^14 cases


def mark(key: str, name: str, value: str) -> str:
    """Return the mark of a variable's value: the same for the same key, name and value.

    A reader could find a short value by its plain hash, trying many; a keyed hash (HMAC, RFC 2104)
    prevents that. The name is part of the hash, so that two variables with equal values have
    different marks.
    """
    text = f"{name}={value}".encode()
    digest = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:_DIGITS]
    # a preview shows it in the value's place
    return f"not shown, mark {digest}"


def marks(
    key: pulumi.Input[str], values: Mapping[str, pulumi.Input[str]]
) -> dict[str, pulumi.Output[str]]:
    """Return the mark of each value, made with a secret `key`; a mark itself is not secret."""
    return {name: _marked(key, name, value) for name, value in sorted(values.items())}


def _marked(key: pulumi.Input[str], name: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
    marked = pulumi.Output.all(key, value).apply(lambda both: mark(both[0], name, both[1]))
    return pulumi.Output.unsecret(marked)
