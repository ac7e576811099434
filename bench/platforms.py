"""The platforms server and cluster, with the same sources on one emulated cloud, in turn."""

import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from bench import changed_line, resident
from bench.changed_line import Line, Round
from bench.cluster import STACK, Cluster
from bench.table import Table
from bench.timing import Shell, interleaved, ratio
from localcloud.machines.docker import docker
from localcloud.state.home import Home
from stack.names import LOCAL
from tests.testbed.clone import Clone
from tests.testbed.server import Server

SERVER, CLUSTER = "a server", "a cluster"
CONTROL_PLANE, NODE = "a cluster's control plane", "each node of a cluster"
_UID = 10001  # of the service, on both platforms


class Platforms:
    def __init__(self, clone: Clone, *, rounds: int) -> None:
        self._clone, self._rounds = clone, rounds
        self._server, self.cluster = Server.of(clone), Cluster.of(clone)
        self._shells = {SERVER: (Shell(clone), LOCAL), CLUSTER: (self.cluster.shell, STACK)}

    def unchanged(self, medians: dict[str, float]) -> Table:
        table = Table("nothing changed, by platform", ["`pulumi up`, s", f"x {SERVER}"])
        works = {title: self._update(title) for title in self._shells}
        times = interleaved(works, rounds=self._rounds)
        for title, seconds in times.items():
            name = f"{title}, nothing changed"
            medians[name] = statistics.median(seconds)
            medians[f"{name}, x"] = ratio(seconds, times[SERVER])
            table.add(title, f"{medians[name]:.1f}", f"{medians[f'{name}, x']:.2f}")
        return table

    def changed(self, medians: dict[str, float]) -> Table:
        """Deploy a changed line on each platform, under the same load until the former one ends."""
        line = Line(self._clone)
        places: dict[str, tuple[str, Callable[[], object]]] = {
            SERVER: (f"http://{self._server.address}", self._server.containers_at_rest),
            CLUSTER: (self.cluster.url, self.cluster.settle),
        }
        rounds: dict[str, list[Round]] = {title: [] for title in places}
        for number in range(self._rounds + 1):
            for title, (url, settle) in places.items():
                measured = line.deployed(self._update(title), url, settle=settle)
                print(f"  {title}: {measured}", file=sys.stderr, flush=True)
                if number:  # the first one fills caches
                    rounds[title].append(measured)
        table = Table(
            "a changed line, by platform",
            ["serving, s", f"x {SERVER}", "command ends, s", f"x {SERVER}", "lost"],
        )
        for title, of_platform in rounds.items():
            cells = []
            for measure in ("serving", "command"):
                times, reference = (
                    [getattr(each, measure) for each in rounds[platform]]
                    for platform in (title, SERVER)
                )
                name = f"{title}, changed line, {measure}"
                medians[name] = statistics.median(times)
                medians[f"{name}, x"] = ratio(times, reference)
                cells += [f"{medians[name]:.1f}", f"{medians[f'{name}, x']:.2f}"]
            table.add(title, *cells, changed_line.lost(of_platform))
        return table

    def memory(self, medians: dict[str, float]) -> Table:
        table = Table("the platform itself, without the service", ["MB"])
        for role, megabytes in self._machines().items():
            medians[f"{role}, MB"] = statistics.mean(megabytes)
            table.add(role, f"{medians[f'{role}, MB']:.0f}")
        table.note(
            "Memory of processes: without the page cache, and with each file that they map once. "
            "PostgreSQL and the load balancer are on no machine of a stack."
        )
        return table

    def _machines(self) -> dict[str, list[float]]:
        """Return the memory of the machines in MB by their role."""
        labels = (
            Home.open(self._clone.path / ".local" / "cloud").label,
            "auth.localcloud.instance",
        )
        filters = [f"--filter=label={label}" for label in labels]
        machines: dict[str, list[float]] = {SERVER: [], CONTROL_PLANE: [], NODE: []}
        for container in docker("ps", "--quiet", *filters).split():
            hostname = docker("inspect", "--format={{.Config.Hostname}}", container).strip()
            measured = docker(
                *("exec", "--interactive", container, "python3", "-", str(_UID)),
                stdin=Path(resident.__file__).read_bytes(),
            )
            machines[role(hostname)].append(int(measured) / 1e6)
        return machines

    def _update(self, platform: str) -> Callable[[], object]:
        shell, stack = self._shells[platform]
        return lambda: shell.run("pulumi", "up", "--yes", "--skip-preview", "--stack", stack)


def role(hostname: str) -> str:
    """Return the role of a machine, which the emulated cloud names by it."""
    names = {"control-plane-": CONTROL_PLANE, "oke-": NODE}
    return next((role for begin, role in names.items() if hostname.startswith(begin)), SERVER)
