"""The growth of log-ins with the replicas of the service on a cluster, beside hashing alone."""

import time
from pathlib import Path

from bench import argon, wrk
from bench.cluster import Cluster
from bench.serving import account
from bench.table import Table
from bench.timing import best_rates

COUNTS = (1, 2, 4)
_SECONDS = 3
_START_SECONDS = 5  # of a process in each of the pods
_CONNECTIONS = 8  # of a replica


def growth(cluster: Cluster, medians: dict[str, float], *, rounds: int) -> Table:
    """Compare log-ins with argon2id alone: a thread in each of the pods.

    All replicas, the load balancer, the database and the load are on the cores of this machine.
    """
    wrk.install()
    table = Table("log-ins a second, PostgreSQL", ["", "argon2id alone", "ratio", "x one replica"])
    credentials = account(cluster.url).credentials
    first = 0.0
    for count in COUNTS:
        cluster.scale(count)

        def logins(connections: int = _CONNECTIONS * count) -> float:
            url = f"{cluster.url}/v1/auth/login"
            return wrk.run(url, seconds=_SECONDS, connections=connections, body=credentials).good

        def alone() -> float:
            program = Path(argon.__file__).read_text()
            begin = str(time.time() + _START_SECONDS)
            rates = cluster.in_each_pod(program, "libsodium", "1", str(_SECONDS), begin)
            return sum(map(float, rates))

        logins()  # opens the connections to the database
        rate, floor = best_rates(logins, alone, rounds=rounds)
        first = first or rate
        replicas = "a replica" if count == 1 else f"{count} replicas"
        table.add(
            replicas, f"{rate:.0f}", f"{floor:.0f}", f"{rate / floor:.0%}", f"{rate / first:.2f}"
        )
        medians[f"log-ins of {replicas}, x"] = rate / floor
    table.note(
        "A replica hashes one password at once. Beside it is libsodium alone in the same pods, a "
        "thread in each."
    )
    return table
