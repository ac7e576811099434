"""A rotation that is killed at any of its steps is finished by the next rotation."""

import io
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.keys import ed25519_public
from stack import cli, rotation, ssh
from stack.errors import StackError
from stack.secrets import ssh_key
from stack.stack import Stack


class Killed(BaseException):
    """The effect of kill -9: the process does nothing more."""


@dataclass
class World:
    """A configuration and a server; dies before effect number `die_at`."""

    values: dict[str, str]
    authorized: set[str]
    shown: str  # the server's public host key
    die_at: int | None = None
    effects: int = 0
    notes: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)  # that the registry takes

    def effect(self) -> None:
        if self.effects == self.die_at:
            raise Killed
        self.effects += 1

    def connect(self) -> None:
        if ed25519_public(self.values["auth:sshHostKey"]) != self.shown:
            raise StackError("another host key")
        if ed25519_public(self.values["auth:sshPrivateKey"]) not in self.authorized:
            raise StackError("Permission denied")

    def set_secret(self, key: str, value: str) -> None:
        self.effect()
        self.values[f"auth:{key}"] = value

    def unset_value(self, key: str) -> None:
        self.effect()
        del self.values[key]

    def ask(self, _: object, *argv: str, stdin: str = "") -> str:
        self.connect()
        self.effect()
        command = argv[2]
        if command == "authorize":
            self.authorized.add(stdin)
        elif command == "host-key":
            self.shown = ed25519_public(stdin)
        elif command == "check-login" and json.loads(stdin)["password"] not in self.tokens:
            raise StackError("ghcr.io refuses the login of 'acme' (HTTP 401).")
        elif command == "note":
            self.notes.append(shlex.split(argv[-1])[0])
        return ""

    def up(self) -> None:
        assert "auth:nextSshHostKey" not in self.values, "the program refuses it"
        self.connect()
        self.effect()
        self.authorized = {ed25519_public(self.values["auth:sshPrivateKey"])}


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> World:
    login, host = ssh_key(), ssh_key()
    values = {"auth:sshPrivateKey": login, "auth:sshHostKey": host}
    world = World(values, {ed25519_public(login)}, ed25519_public(host))

    def try_login(_: object, *, login_key: str = "", host_key: str = "") -> None:
        login = login_key or world.values["auth:sshPrivateKey"]
        host = host_key or world.values["auth:sshHostKey"]
        assert ed25519_public(host) == world.shown
        assert ed25519_public(login) in world.authorized

    monkeypatch.setattr(ssh, "ask", world.ask)
    monkeypatch.setattr(ssh, "try_login", try_login)
    monkeypatch.setattr(
        ssh, "shows", lambda _, *, host_key: ed25519_public(host_key) == world.shown
    )
    monkeypatch.setattr(
        ssh,
        "may_log_in",
        lambda _, *, login_key: ed25519_public(login_key) in world.authorized,
    )
    return world


def stack_of(world: World) -> Stack:
    configuration = SimpleNamespace(
        values=lambda: dict(world.values),
        set_secret=world.set_secret,
        unset_value=world.unset_value,
        registry_login=lambda: json.dumps({"server": "ghcr.io", "username": "acme"}),
        file=Path("elsewhere/Pulumi.dev.yaml"),
    )
    stack: Any = SimpleNamespace(
        name="dev",
        clone=Path("clone"),
        configuration=configuration,
        outputs=lambda: {"serverIp": "192.0.2.1"},
        up=world.up,
    )
    return cast("Stack", stack)


def killed_everywhere(world: World, key: str) -> Callable[[], bool]:
    """Rotate again and again, each time killed an effect later, until a run reaches its end."""

    def next_run() -> bool:
        world.die_at = 0 if world.die_at is None else world.die_at + 1
        world.effects = 0
        try:
            rotation.rotate(stack_of(world), key)
        except Killed:
            return False
        return True

    return next_run


@pytest.mark.parametrize(("key", "setting"), [("ssh", "sshPrivateKey"), ("host", "sshHostKey")])
def test_a_rotation_that_is_killed_anywhere_is_finished_by_the_next(
    world: World, key: str, setting: str
) -> None:
    run, before = killed_everywhere(world, key), world.values[f"auth:{setting}"]

    kills = 0
    while not run():
        kills += 1
        assert kills < 20

    assert kills >= 4, "the rotation has fewer steps than it seems"
    assert world.values[f"auth:{setting}"] != before
    assert "auth:nextSshHostKey" not in world.values
    world.connect()
    assert world.authorized == {ed25519_public(world.values["auth:sshPrivateKey"])}
    assert len(world.notes) == 1


@pytest.mark.parametrize("key", ["ssh", "host", "registry"])
def test_pending_changes_are_announced_before_anything_changes(
    world: World, key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("new\n"))
    world.die_at = 0

    with pytest.raises(Killed):
        rotation.rotate(stack_of(world), key)

    assert "make preview STACK=dev" in capsys.readouterr().out


def test_an_ssh_key_that_does_not_log_in_never_takes_the_place_of_the_old_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **_options: object) -> None:
        raise StackError("Permission denied")

    monkeypatch.setattr(ssh, "try_login", refuse)
    before = dict(world.values)

    with pytest.raises(StackError):
        rotation.rotate(stack_of(world), "ssh")

    assert world.values == before


def test_a_registry_token_that_the_server_can_use_is_configured(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.tokens = {"new"}
    monkeypatch.setattr("sys.stdin", io.StringIO("new\n"))

    rotation.rotate(stack_of(world), "registry")

    assert world.values["auth:registryPullPassword"] == "new"
    assert world.notes == ["rotated the registry token of the server"]
    assert "Revoke the old token" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("revoked", "refuses the login"),
        ("builder", "must not hold a token that can push"),
        ("", "no token on stdin"),
        ("two words", "no token on stdin"),
    ],
)
def test_a_registry_token_that_can_not_be_used_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    world.values["auth:registryPassword"] = "builder"
    world.tokens = {"builder"}
    before = dict(world.values)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))

    with pytest.raises(StackError, match=message):
        rotation.rotate(stack_of(world), "registry")

    assert world.values == before
    assert world.notes == []


def test_the_command_knows_the_keys_that_can_be_rotated() -> None:
    assert set(cli._KEYS) == set(rotation.KEYS)
