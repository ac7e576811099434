"""Fuzzes the parsers of strangers' input, guided by coverage: `make fuzz`, `make fuzz SECONDS=600`.

For any input, a parser returns or raises its documented error; any other error ends the run and
leaves the input in a file. Hypothesis tests the same properties, with fewer inputs.
"""

import contextlib
import sys
import tempfile
from ipaddress import ip_address
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["auth", "joserfc", "ipaddress"]):
    from auth.accounts import password_rules
    from auth.protection import addresses, rates
    from auth.tokens import signing_keys
    from auth.tokens.access_tokens import TokenError, Tokens, unknown_kid
    from auth.tokens.signing_keys import KeySet

_KEYS = KeySet([signing_keys.read(signing_keys.make("ES256"))])
_TOKENS = Tokens(_KEYS, issuer="https://a.test", audience="https://a.test", seconds=600)
_ISSUED = _TOKENS.issue("ada")
_TRUSTED = addresses.networks("loopback 10.0.0.0/8")


def one_input(data: bytes) -> None:
    choice, text = data[:1], data[1:].decode("latin-1")
    if choice < b"\x40":
        bearer(text)
    elif choice < b"\x80":
        forwarded(text)
    elif choice < b"\xc0":
        with contextlib.suppress(ValueError):
            rates.rates(text)
        with contextlib.suppress(ValueError):
            addresses.networks(text)
    else:
        wide = data[1:].decode("utf-16-le", "replace")
        password_rules.refusal(wide, wide[::-1])


def bearer(token: str) -> None:
    """Accept no token but the issued token."""
    unknown_kid(token, _KEYS)
    try:
        _TOKENS.verify(token)
    except TokenError:
        return
    if token != _ISSUED:
        raise AssertionError("a forged token was accepted")


def forwarded(header: str) -> None:
    """Take the address that the last proxy saw for the client, never a part of its header."""
    found = addresses.client("127.0.0.1", [header, "203.0.113.7"], _TRUSTED)
    if found != "203.0.113.7":
        raise AssertionError("a client chose its own address")
    found = addresses.client("10.0.0.1", header.split(";"), _TRUSTED)
    ip_address(found)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as corpus:
        (Path(corpus) / "token").write_bytes(b"\x00" + _ISSUED.encode())
        (Path(corpus) / "forwarded").write_bytes(b"\x50[::1]:80, 10.0.0.1, 1.2.3.4:5")
        (Path(corpus) / "limits").write_bytes(b"\x90login=1/60, 10.0.0.0/8")
        atheris.Setup([*sys.argv, corpus], one_input)
        atheris.Fuzz()
