"""Questions to the host's DNS resolver, past /etc/hosts: RFC 1035, over TCP.

The standard library asks for addresses alone, and a CA asks for CAA records (RFC 8659) as well.
"""

import ipaddress
import re
import secrets
import socket
import struct
from pathlib import Path

RESOLVER = Path("/etc/resolv.conf")
PORT = 53
A, AAAA, CAA = 1, 28, 257
_SECONDS = 5
_RECURSION_DESIRED, _INTERNET = 0x0100, 1
_NO_SUCH_NAME = 3
_POINTER = 0xC0  # a name's end may be a pointer to an earlier name


class DnsError(Exception):
    """The resolver gave no usable answer."""


def addresses(name: str, kind: int) -> list[str]:
    """Return the IPv4 (A) or IPv6 (AAAA) addresses of a name; empty without any."""
    return sorted(str(ipaddress.ip_address(data)) for data in lookup(name, kind))


def issuers(name: str) -> list[str] | None:
    """Return the CAs that may issue for a name, by its CAA records; None without such records.

    A name without records has those of its closest parent (RFC 8659, section 3).
    """
    labels = name.split(".")
    for depth in range(len(labels)):
        if records := lookup(".".join(labels[depth:]), CAA):
            # flags, the tag's length, the tag, the value with parameters after a semicolon
            properties = [(data[2 : 2 + data[1]].lower(), data[2 + data[1] :]) for data in records]
            values = [value for tag, value in properties if tag == b"issue"]
            domains = [value.partition(b";")[0].strip().decode("latin-1") for value in values]
            return sorted(filter(None, domains)) if values else None
    return None


def lookup(name: str, kind: int) -> list[bytes]:
    """Return the data of a name's records of a kind; raise DnsError without an answer."""
    try:
        match = re.search(r"^nameserver\s+(\S+)", RESOLVER.read_text(), re.MULTILINE)
        host = match[1] if match else "127.0.0.1"
        with socket.create_connection((host, PORT), _SECONDS) as link:
            identity = secrets.randbits(16)
            question = _question(identity, name, kind)
            link.sendall(struct.pack("!H", len(question)) + question)
            with link.makefile("rb") as stream:
                (length,) = struct.unpack("!H", stream.read(2))
                answer = stream.read(length)
        return _records(answer, kind, identity)
    except (OSError, struct.error, IndexError) as error:
        raise DnsError(f"the resolver gives no answer about {name}: {error}") from None


def _question(identity: int, name: str, kind: int) -> bytes:
    labels = [label.encode("idna") for label in name.rstrip(".").split(".") if label]
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    head = struct.pack("!6H", identity, _RECURSION_DESIRED, 1, 0, 0, 0)
    return head + encoded + struct.pack("!2H", kind, _INTERNET)


def _records(answer: bytes, kind: int, identity: int) -> list[bytes]:
    answered, flags, questions, records = struct.unpack("!4H", answer[:8])
    if answered != identity:
        raise OSError("it answers another question")
    code = flags & 0xF
    if code not in {0, _NO_SUCH_NAME}:
        raise OSError(f"its error code is {code}")
    at = 12
    for _ in range(questions):
        at = _after_name(answer, at) + 4
    datas = []
    for _ in range(records):
        at = _after_name(answer, at)
        record_kind, _, _, length = struct.unpack("!2HIH", answer[at : at + 10])
        at += 10
        if record_kind == kind:
            datas.append(answer[at : at + length])
        at += length
    return datas


def _after_name(answer: bytes, at: int) -> int:
    while length := answer[at]:
        if length >= _POINTER:
            return at + 2
        at += 1 + length
    return at + 1
