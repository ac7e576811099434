"""A host that can be killed between any two steps: Docker and the proxy as far as they matter."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host.auth_release import containers, proxy, routes
from host.auth_release.containers import Container, End
from host.auth_release.desired import Canary, Desired, Registry
from host.auth_release.errors import ReleaseError
from host.auth_release.network import Slot
from host.auth_release.progress import Progress
from host.auth_release.records import Record, Records
from host.auth_release.releases import Releases
from host.auth_release.service_host import ServiceHost

IMAGE = f"registry.test/auth@sha256:{'a' * 64}"

OTHER = f"registry.test/auth@sha256:{'b' * 64}"
SLOT = Slot.of(0)


QUICK = {
    "path": "/readyz",
    "interval_seconds": 0,
    "deadline_seconds": 5,
    "stable_seconds": 0,
    "watch_seconds": 0.01,
}


def document(**changes: Any) -> dict[str, Any]:
    return {
        "service": "auth",
        "disk": "ocid1.bootvolume.oc1..disk",
        "image": IMAGE,
        "revision": "abc",
        "registry": {"server": "registry.test", "username": "acme", "password": "hunter2"},
        "port": 8000,
        "site": ":80",
        "environment": {"AUTH_ISSUER": "http://192.0.2.7"},
        "secrets": {"AUTH_SIGNING_KEY": "hunter3"},
        "uid": 10001,
        "health": QUICK,
        "limits": {"memory": "512m", "cpus": "1", "pids": 256},
        "hooks": {},
        "canary": None,
        "maintenance": None,
        "drain_seconds": 0,
        "stop_seconds": 1,
        "keep": 2,
        **changes,
    }


def desired(**changes: Any) -> Desired:
    return Desired.parse(json.dumps(document(**changes)))


class Killed(BaseException):
    """The effect of kill -9: the process does nothing more."""


class Life:
    """Counts the effects on the host; dies before effect number `die_at`, and stays dead."""

    def __init__(self) -> None:
        self.effects = 0
        self.die_at: int | None = None

    def effect(self) -> None:
        if self.die_at is not None and self.effects >= self.die_at:
            raise Killed
        self.effects += 1

    def restart(self) -> None:
        self.effects, self.die_at = 0, None


class FakeDocker(containers.Docker):
    def __init__(self, life: Life) -> None:
        self.life = life
        self.images: set[str] = set()
        self.pulled_by: list[Registry] = []
        self.tagged: dict[int, str] = {}
        self.running: dict[int, Container] = {}
        self.over_reboots: dict[str, bool] = {}
        self.broken: set[str] = set()
        self.hooked: list[tuple[str, ...]] = []
        self.hooks_left: list[str] = []
        self.ends: dict[str, End] = {}

    def pull(self, desired: Desired) -> None:
        self.life.effect()
        self.images.add(desired.image)
        self.pulled_by.append(desired.registry)

    def has_image(self, image: str) -> bool:
        return image in self.images

    def start(self, record: Record, secrets: Path) -> None:
        assert secrets.exists()
        self.life.effect()
        self.running[record.number] = Container(
            name=record.container,
            running=record.desired.image not in self.broken,
            exit_code=3,
            restarts=0,
            environment={"PATH": "/bin", **record.desired.variables},
            memory=record.desired.limits.memory_bytes,
            fingerprint=record.fingerprint,
            address=record.address,
            port=record.desired.port,
            image=record.desired.image,
        )
        self.life.effect()

    def run_hook(self, record: Record, secrets: Path, argv: Sequence[str]) -> str:
        assert secrets.exists()
        self.life.effect()
        self.hooks_left.append(f"{record.container}-hook")
        self.life.effect()
        self.hooks_left.pop()
        self.hooked.append(tuple(argv))
        if "fail" in argv:
            raise ReleaseError("no room")
        return "hooked\n"

    def hooks(self, service: str) -> list[str]:
        assert service == "auth"
        return list(self.hooks_left)

    def image_environment(self, image: str) -> dict[str, str]:
        assert image in self.images
        return {"PATH": "/bin"}

    def keep_over_reboots(self, container: str, *, keep: bool) -> None:
        self.life.effect()
        self.over_reboots[container] = keep

    def containers(self, service: str) -> dict[int, Container]:
        assert service == "auth"
        return dict(self.running)

    def has_ended(self, container: Container) -> bool:
        running = [c for c in self.running.values() if c.name == container.name]
        return not running or not running[0].running

    def ends_soon(self, container: Container) -> bool:
        return self.has_ended(container)

    def foreign(self, service: str) -> list[str]:
        assert service == "auth"
        return []

    def last_end(self, container: str) -> End | None:
        return self.ends.get(container)

    def logs(self, container: str, lines: int = 20, *, until: float | None = None) -> list[str]:
        assert lines > 0
        if container in self.ends and until is None:
            return [f"{container} starts"]
        return [f"{container} fails"]

    def stop_and_remove(self, container: str, *, grace: int) -> None:
        assert grace > 0
        self.life.effect()
        self.hooks_left = [name for name in self.hooks_left if name != container]
        self.running = {n: c for n, c in self.running.items() if c.name != container}
        self.life.effect()

    def remove_image(self, image: str) -> None:
        self.life.effect()
        if image not in self.tagged.values():
            self.images.discard(image)

    def tags(self, service: str) -> set[int]:
        assert service == "auth"
        return set(self.tagged)

    def tag(self, record: Record) -> None:
        assert record.desired.image in self.images
        self.life.effect()
        self.tagged[record.number] = record.desired.image

    def untag(self, service: str, number: int) -> None:
        assert service == "auth"
        self.life.effect()
        del self.tagged[number]

    def prune(self) -> None:
        """Remove the images without a container or a tag, as `docker system prune` does."""
        used = {container.image for container in self.running.values()}
        self.images &= used | set(self.tagged.values())


class FakeProxy(proxy.Proxy):
    """Runs the configuration that was in its files at the last reload."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.refuses = False
        self.loaded: Any = None

    def validate(self) -> None:
        if self.refuses:
            raise ReleaseError("caddy refuses")

    def reload(self) -> None:
        self.life.effect()
        self.loaded = self._written()

    def empty_canary_log(self, service: str) -> None:
        log = self.canary_log(service)
        if log.exists() and log.stat().st_size:
            self.life.effect()
        super().empty_canary_log(service)

    def _running(self) -> Any:
        return self.loaded

    def _written(self) -> Any:
        return {path.name: path.read_text() for path in (proxy.CADDY / "sites").iterdir()}


class FakeRoutes(routes.Routes):
    """Keeps the kernel's rules; while a canary has a share, the proxy logs its answers."""

    def __init__(self, state: Path, life: Life) -> None:
        super().__init__(state)
        self.life = life
        self.kernel: list[str] = []
        self.canaries: list[str] = []
        self.answers = ""

    @property
    def serving(self) -> str:
        """Return the address that the kernel leads requests to, canaries aside."""
        targets = [
            line.rsplit(" ", 1)[1] for line in self.kernel if f"-d {SLOT.service}/32" in line
        ]
        return targets[-1] if targets else ""

    def split(self, live: Record, new: Record, canary: Canary, slot: Slot) -> None:
        super().split(live, new, canary, slot)
        self.canaries.append(f"{new.container} beside {live.container}")
        proxy.Proxy.canary_log("auth").write_text(self.answers)

    def restore(self) -> None:
        self.life.effect()
        super().restore()
        self.life.effect()

    def _load(self, table: str) -> None:
        self.kernel = [line for line in table.splitlines() if line.startswith("-A")]

    def _loaded(self) -> list[str]:
        return self.kernel

    def _hooked(self) -> bool:
        return True


class MortalRecords(Records):
    def __init__(self, state: Path, life: Life, service: str = "auth") -> None:
        super().__init__(state, service)
        self.life = life

    def save(self, record: Record) -> None:
        self.life.effect()
        super().save(record)


@dataclasses.dataclass
class Host:
    life: Life
    docker: FakeDocker
    proxy: FakeProxy
    routes: FakeRoutes
    records: MortalRecords
    logged: list[str] = dataclasses.field(default_factory=list)
    awaited: bool = False  # by another run

    @classmethod
    def new(cls, state: Path) -> "Host":
        life = Life()
        return cls(
            life,
            FakeDocker(life),
            FakeProxy(life),
            FakeRoutes(state, life),
            MortalRecords(state, life),
        )

    @property
    def parts(self) -> ServiceHost:
        """Return the host as a new run of the tool has it."""
        return ServiceHost(
            service="auth",
            docker=self.docker,
            proxy=self.proxy,
            routes=self.routes,
            records=self.records,
            progress=Progress(self.logged.append),
        )

    @property
    def releases(self) -> Releases:
        """Return a new run of the tool."""
        return Releases(self.parts, is_awaited=lambda: self.awaited)

    @property
    def serving(self) -> int | None:
        """Return the number of the release that requests reach."""
        address = self.routes.serving.partition(":")[0]
        there = [r for r in self.records.all() if r.address == address]
        running = [r.number for r in there if r.number in self.docker.running]
        assert len(running) <= 1, "two containers at the same port"
        return running[0] if running else None

    def differences(self, record: Record) -> list[str]:
        return self.parts.drift(record)

    @property
    def site(self) -> Path:
        return proxy.CADDY / "sites" / "auth.caddy"

    def rollback(self, number: int | None = None, **options: Any) -> Record:
        """Roll back and finish, as a run of the tool does."""
        releases = self.releases
        try:
            return releases.rollback(number, by="test", **options)
        finally:
            releases.finish()

    def apply(self, **changes: Any) -> Record:
        """Release and finish, as a run of the tool does."""
        releases = self.releases
        try:
            return releases.apply(desired(**changes), by="test")
        finally:
            releases.finish()
