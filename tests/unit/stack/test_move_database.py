"""The order of a move of the accounts, and the way back from each failure."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from common.command_line import Stopped
from stack import move_database, ssh
from stack.errors import StackError
from stack.stack import Stack

URL = "postgresql://auth:hunter2-and-more@db.example.com/auth"


@dataclass
class World:
    """A configuration, a server and a cloud.

    `failing` names the step that fails once, `stopped` the step during which Ctrl-C is typed.
    """

    values: dict[str, str]
    failing: str = ""
    stopped: str = ""
    events: list[str] = field(default_factory=list)
    stdin: str = ""
    resources: list[dict[str, Any]] = field(default_factory=list)

    def step(self, name: str) -> None:
        self.events.append(name)
        if name == self.failing:
            self.failing = ""
            raise StackError(f"{name} failed")
        if name == self.stopped:
            raise KeyboardInterrupt

    def set_value(self, key: str, value: str) -> None:
        self.values[key] = value

    def set_secret(self, key: str, value: str) -> None:
        self.values[f"auth:{key}"] = value

    def unset_value(self, key: str) -> None:
        del self.values[key]

    def up(self) -> None:
        site = "closed" if self.values.get("auth:maintenance") == "true" else "open"
        self.step(f"{self.values.get('auth:database', 'sqlite')}, {site}")

    def ask(self, _: object, *argv: str, seconds: float = 60, stdin: str = "") -> str:
        del seconds
        words = " ".join(argv).rpartition("move-database ")[2]
        self.stdin = stdin or self.stdin
        self.step(words)
        return "12 accounts, 345 rows: about 2 s.\n"

    @property
    def state(self) -> dict[str, Any]:
        """The state, which has Oracle's server once an update made it."""
        url = {"4dabf18193072939515e22adb298388d": "secret", "plaintext": json.dumps(URL)}
        server = {"type": "auth:postgresql:Postgresql", "outputs": {"url": url, "ca": "Oracle's"}}
        is_made = self.values.get("auth:databaseSystem") == "true"
        return {"deployment": {"resources": [server] if is_made else []}}

    @property
    def stack(self) -> Stack:
        configuration = SimpleNamespace(
            file=Path("/nowhere/Pulumi.dev.yaml"),
            values=lambda: dict(self.values),
            set_value=self.set_value,
            set_secret=self.set_secret,
            unset_value=self.unset_value,
            make_keys=lambda: self.events.append("keys"),
            pulumi=SimpleNamespace(run=lambda *_, stdin: self.set_value("auth:databaseCa", stdin)),
        )
        stack = SimpleNamespace(
            name="dev",
            configuration=configuration,
            up=self.up,
            resources=lambda: self.resources,
            clone=Path("/nowhere"),
            pulumi=SimpleNamespace(read=lambda *_: json.dumps(self.state)),
        )
        return cast("Stack", stack)


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World({"auth:databaseUrl": URL, "auth:databaseCa": "-----BEGIN…"})
    monkeypatch.setattr(ssh, "ask", world.ask)
    return world


def move(world: World, to: str = "postgresql", **changes: Any) -> int:
    return move_database.run(world.stack, to, **{"agreed": True, "over": False, **changes})


def test_the_time_is_told_before_anything_is_changed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert move(world, agreed=False) == 0

    assert world.events == ["--estimate"]
    shown = capsys.readouterr().out
    assert "12 accounts, 345 rows: about 2 s." in shown
    assert "make move-database TO=postgresql YES=1 STACK=dev" in shown


def test_the_site_is_closed_until_the_release_on_the_other_database(world: World) -> None:
    move(world)

    steps = ["--estimate", "sqlite, closed", "--to postgresql", "postgresql, open"]
    assert world.events == steps
    target = json.loads(world.stdin)
    assert target["ca"] == "-----BEGIN…"
    assert target["url"].startswith(f"{URL}?sslmode=verify-full")


def test_a_copy_that_fails_opens_the_site_again(world: World) -> None:
    world.failing = "--to postgresql --over"
    with pytest.raises(StackError, match="--over failed"):
        move(world, over=True)

    assert world.events[-1] == "sqlite, open"


@pytest.mark.parametrize("stopped", ["sqlite, closed", "--to postgresql"])
def test_the_next_update_opens_the_site_of_a_move_that_was_stopped(
    world: World, stopped: str
) -> None:
    world.stopped = stopped
    with pytest.raises(Stopped, match="make up STACK=dev opens it") as stop:
        move(world)

    assert "make move-database TO=postgresql YES=1 OVER=yes STACK=dev" in str(stop.value)
    assert world.values.get("auth:maintenance") == "false"
    assert world.events[-1] == stopped


@pytest.mark.parametrize("to", ["postgresql", "sqlite"])
def test_a_release_that_fails_leaves_the_accounts_and_the_configuration(
    world: World, to: str
) -> None:
    if to == "sqlite":
        world.values["auth:database"] = "postgresql"
    before = dict(world.values)
    world.failing = f"{to}, open"
    with pytest.raises(StackError, match="open failed"):
        move(world, to)

    former = "sqlite" if to == "postgresql" else "postgresql"
    assert world.events[-2:] == ["--stay", f"{former}, open"]
    assert {**world.values, **before} == world.values


def test_the_way_back_takes_the_url_away(world: World) -> None:
    world.values["auth:database"] = "postgresql"
    move(world, "sqlite")

    assert world.values == {"auth:database": "sqlite", "auth:maintenance": "false"}
    assert world.stdin == ""


def test_oracles_server_is_made_before_the_site_is_closed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.values = {}
    move(world, agreed=False)
    assert "Oracle makes a PostgreSQL server first" in capsys.readouterr().out
    assert world.values == {}

    move(world)

    assert world.events == [
        *("--estimate", "--estimate", "keys", "sqlite, open", "sqlite, closed"),
        *("--to postgresql", "postgresql, open"),
    ]
    assert json.loads(world.stdin) == {"url": URL, "ca": "Oracle's"}
    assert "auth:databaseUrl" not in world.values


def test_oracles_server_stays_after_the_way_back(world: World) -> None:
    world.values = {"auth:database": "postgresql"}
    move(world, "sqlite")

    assert world.values["auth:database"] == "sqlite"
    assert world.values["auth:databaseSystem"] == "true"


def test_maintenance_that_was_on_before_stays_on(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.values["auth:maintenance"] = "true"
    move(world)

    assert world.events[-1] == "postgresql, closed"
    assert "auth:maintenance was true before, and stays so" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "to", "problem"),
    [
        ({}, "sqlite", "auth:database is sqlite already"),
        ({"auth:databaseUrl": f"{URL}?sslmode=prefer"}, "postgresql", "has sslmode=prefer"),
    ],
)
def test_a_move_that_can_not_be_meant_asks_and_changes_nothing(
    world: World, changes: dict[str, str], to: str, problem: str
) -> None:
    world.values |= changes
    with pytest.raises(StackError, match=problem) as caught:
        move(world, to)

    assert world.events == []
    assert "hunter2" not in str(caught.value)


def test_the_accounts_stay_while_a_former_cluster_serves_them_too(world: World) -> None:
    world.resources = [{"type": "auth:cluster:Cluster", "urn": "urn"}]

    with pytest.raises(StackError, match="First: make retire STACK=dev"):
        move(world)

    assert world.events == []
