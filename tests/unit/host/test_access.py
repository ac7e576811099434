"""The file of authorized keys has the program's keys alone, and never has none."""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from components.keys import ed25519_public
from host.auth_release import access, programs
from host.auth_release.errors import ReleaseError
from stack.secrets import ssh_key

Run = Callable[..., str]
ANN, BOB = (ed25519_public(ssh_key()) for _ in range(2))


@pytest.fixture(name="authorized")
def _authorized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of authorized keys of this process's own user, in another home."""
    me = pwd.getpwuid(os.getuid())
    home = tmp_path / "home"
    home.mkdir()
    user = pwd.struct_passwd((*me[:5], str(home), me.pw_shell))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: user)
    monkeypatch.setattr(access, "STATE", tmp_path / "state")
    return home / ".ssh" / "authorized_keys"


def apply(role: str = "admin", **keys: str) -> None:
    listed = [{"name": name, "public": public, "role": role} for name, public in keys.items()]
    access.apply(json.dumps({"keys": listed}).encode())


def admin(name: str, public: str) -> str:
    return f'environment="AUTH_OPERATOR={name}" {public} auth-release:{name}\n'


def test_a_key_that_is_gone_from_the_configuration_may_no_longer_log_in(authorized: Path) -> None:
    apply(ann=ANN, bob=BOB)
    apply(bob=BOB)

    assert authorized.read_text() == admin("bob", BOB)


def test_a_key_is_authorized_beside_the_present_keys_once(authorized: Path) -> None:
    apply(ann=ANN)
    access.authorize(f"{BOB} a comment\n")
    access.authorize(f"{BOB}\n")

    assert authorized.read_text() == f"{admin('ann', ANN)}{BOB}\n"


def test_a_key_of_another_role_has_the_gate_in_place_of_a_shell(authorized: Path) -> None:
    apply(role="release", ann=ANN)

    forced = (
        'restrict,port-forwarding,permitopen="127.0.0.1:8428",'
        'command="/usr/local/sbin/auth-release gate release ann"'
    )
    assert authorized.read_text() == f"{forced} {ANN} auth-release:ann\n"


def test_the_next_key_of_deployments_has_no_more_rights_than_the_present_one(
    authorized: Path,
) -> None:
    apply(role="deployment", deployment=ANN)
    access.authorize(BOB)

    present, added = authorized.read_text().splitlines()
    assert added == present.replace(ANN, BOB).removesuffix(" auth-release:deployment")


@pytest.mark.parametrize(
    ("name", "role", "message"),
    [
        ('a",command="sh', "admin", "not an operator's name"),
        ("ann", "owner", "which this tool does not know"),
    ],
)
def test_an_unknown_role_and_a_strange_name_are_refused(
    authorized: Path, name: str, role: str, message: str
) -> None:
    with pytest.raises(ReleaseError, match=message):
        apply(role=role, **{name: ANN})

    assert not authorized.exists()


@pytest.mark.parametrize(
    "public",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        f'command="sh" {ANN}',
        f"{ANN}\n{BOB}",
        "hunter2",
    ],  # the keys are new in each process, and the names of tests must not be
    ids=["empty", "no key", "a short key", "an option", "two keys", "a word"],
)
def test_another_text_than_a_public_key_is_refused_and_changes_nothing(
    authorized: Path, public: str
) -> None:
    apply(ann=ANN)

    with pytest.raises(ReleaseError, match="not a public key"):
        apply(ann=ANN, bob=public)
    with pytest.raises(ReleaseError, match="not a public key"):
        access.authorize(public)

    assert authorized.read_text() == admin("ann", ANN)


def test_the_last_key_is_never_taken_away(authorized: Path) -> None:
    apply(ann=ANN)

    with pytest.raises(ReleaseError, match="no key is left"):
        apply()

    assert authorized.read_text() == admin("ann", ANN)


@pytest.fixture(name="server_key")
def _server_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ssh_host_ed25519_key"
    path.write_text(ssh_key())
    monkeypatch.setattr(access, "HOST_KEY", path)
    return path


def test_the_ssh_server_takes_another_key_and_its_public_half(
    server_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "run", without_server(programs.run))
    key = ssh_key()

    access.replace_host_key(key)

    assert server_key.read_text() == key
    assert server_key.with_suffix(".pub").read_text() == f"{ed25519_public(key)}\n"


def test_a_key_that_the_ssh_server_refuses_gives_way_to_the_former_key(
    server_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "run", without_server(programs.run, refused=True))
    before = server_key.read_text()

    with pytest.raises(ReleaseError, match="sshd refuses"):
        access.replace_host_key(ssh_key())

    assert server_key.read_text() == before


def test_what_is_no_private_key_changes_nothing(server_key: Path) -> None:
    before = server_key.read_text()

    with pytest.raises(ReleaseError):
        access.replace_host_key("hunter2")

    assert server_key.read_text() == before


def without_server(real: Run, *, refused: bool = False) -> Run:
    """Let programs run as they are, but the SSH server and systemd."""

    def run(*argv: str, **options: object) -> str:
        if argv[0] == "ssh-keygen":
            return real(*argv, **options)
        if refused:
            raise ReleaseError("sshd refuses")
        return ""

    return run
