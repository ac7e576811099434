"""The route of a service: kernel rules that lead requests to the live release's container.

A reload of the proxy closes the connections that clients keep open, and every dozenth reload or so
meets a request that was just sent. So the proxy always dials the same address, and the switch
happens beneath it, between two packets: existing connections keep their container. The rules are in
a chain of our own, which Docker's engine leaves alone when it starts or stops.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from .desired import Canary
from .files import exclusive, write_atomically
from .network import PORT, Slot
from .programs import run, succeeds
from .records import Record, Records

CHAIN = "AUTH-RELEASE"
_HOOK = ("OUTPUT", "-p", "tcp", "-j", CHAIN)
# A new connection may have the ports of a former connection that the kernel still remembers, with
# the former release as its target. So an ended connection is forgotten after a second, before its
# container stops. And the packets of a connection that looks wrong keep their target: without it
# they reach nobody, and the client waits. Linux, nf_conntrack-sysctl.rst.
_MEMORY = {"nf_conntrack_tcp_timeout_time_wait": "1\n", "nf_conntrack_tcp_be_liberal": "1\n"}
_SYSCTL = Path("/proc/sys/net/netfilter")


class Routes:
    """A file for each service; its first line names the live release, and nothing else does."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "routes"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def live(self, service: str) -> int | None:
        """Return the number of the live release, or None."""
        try:
            head = self._path(service).read_text().partition("\n")[0]
        except FileNotFoundError:
            return None
        match = re.fullmatch(r"# release (\d+)", head)
        return int(match.group(1)) if match else None

    def difference(self, record: Record, slot: Slot) -> str | None:
        """Describe a change of the route since the release; return None without a change."""
        service = record.desired.service
        if self._path(service).read_text() != rules(record, slot):
            return f"{self._path(service)} was changed"
        wanted = [line for line in rules(record, slot).split("\n") if line.startswith("-A")]
        if not self._hooked() or any(rule not in self._loaded() for rule in wanted):
            return "the kernel's rules that lead requests to it were changed"
        return None

    def text(self, service: str) -> str | None:
        """Return the text of the service's route file, if there is a file."""
        path = self._path(service)
        return path.read_text() if path.exists() else None

    def put_back(self, service: str, text: str) -> None:
        """Put back the text of a route file, even of a release with an unreadable record."""
        if text != self.text(service):
            self._write(service, text)

    def route_to(self, record: Record, slot: Slot) -> None:
        """Lead every new connection to this release."""
        self._write(record.desired.service, rules(record, slot))

    def split(self, live: Record, new: Record, canary: Canary, slot: Slot) -> None:
        """Lead a share of the new connections to the canary's entrance, and the rest as before."""
        self._write(live.desired.service, split_rules(live, new, canary, slot))

    def restore(self) -> None:
        """Load all routes into the kernel in one step; a reboot forgets them."""
        files = sorted(self._folder.glob("*.rules"))
        lines = [
            line for file in files for line in file.read_text().split("\n") if line.startswith("-A")
        ]
        # declaring the chain empties it
        table = ["*nat", f":{CHAIN} - [0:0]", *lines, "COMMIT", ""]
        self._load("\n".join(table))
        if not self._hooked():
            run("iptables", "--wait", "-t", "nat", "-A", *_HOOK)

    def _write(self, service: str, text: str) -> None:
        with exclusive(self._folder / "lock"):
            write_atomically(self._path(service), text, mode=0o600)
            self.restore()

    def _load(self, table: str) -> None:
        run("iptables-restore", "--noflush", "--wait", stdin=table)
        # after a boot, the first rule loads the kernel's module, which has these settings
        for name, value in _MEMORY.items():
            (_SYSCTL / name).write_text(value)

    def _loaded(self) -> list[str]:
        return run("iptables", "--wait", "-t", "nat", "-S", CHAIN).split("\n")

    def _hooked(self) -> bool:
        return succeeds("iptables", "--wait", "-t", "nat", "-C", *_HOOK)

    def _path(self, service: str) -> Path:
        return self._folder / f"{service}.rules"


def live_releases(state: Path) -> Iterator[Record]:
    """Return the record of each service's live release, if the record is readable."""
    routes = Routes(state)
    for service in Records.services(state):
        number = routes.live(service)
        record = Records(state, service).get(number) if number else None
        if record:
            yield record


def rules(record: Record, slot: Slot) -> str:
    lines = [f"# release {record.number}", _rule(slot.service, PORT, _to(record))]
    if record.host_port:
        # the proxy dials the loopback until its site is written anew
        lines.append(_rule("127.0.0.1", slot.older, _to(record)))
    return "\n".join([*lines, ""])


def split_rules(live: Record, new: Record, canary: Canary, slot: Slot) -> str:
    entrance = f"REDIRECT --to-ports {slot.entrance}"
    return (
        f"# release {live.number}\n"
        f"# canary {new.number}\n"
        f"{_rule(slot.service, PORT, entrance, share=canary.percent)}\n"
        f"{_rule(slot.service, PORT, _to(live))}\n"
        f"{_rule(slot.canary, PORT, _to(new))}\n"
    )


def _to(record: Record) -> str:
    if record.host_port:
        return f"REDIRECT --to-ports {record.host_port}"
    return f"DNAT --to-destination {record.address}:{record.desired.port}"


def _rule(address: str, port: int, target: str, share: int = 100) -> str:
    """Return a rule in the format that iptables prints."""
    chance = f" -m statistic --mode random --probability {share / 100:.11f}" if share < 100 else ""  # noqa: PLR2004
    return f"-A {CHAIN} -d {address}/32 -p tcp -m tcp --dport {port}{chance} -j {target}"
