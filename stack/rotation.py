"""The rotation of a stack's keys: the new key works before the old key ends.

A run that was killed is finished by the next run.
"""

import contextlib
import getpass
import json
import sys
import time
from collections.abc import Callable
from urllib.request import urlopen

from common.progress import step
from components import advice, keys
from stack import api_key, platforms, secrets, ssh
from stack.errors import StackError
from stack.stack import Stack

NEXT_HOST_KEY = "nextSshHostKey"
_PUBLISHED_SECONDS = 60


def rotate(stack: Stack, key: str) -> int:
    """Rotate the key of a name of KEYS, prove it, and record it on the server."""
    if key in _WITH_AN_UPDATE:
        print(
            "This rotation runs an update, which also makes each other pending change of this "
            f"clone: a release, too. To see them before: {advice.make('preview', stack.name)}",
            flush=True,
        )
    note = KEYS[key](stack)
    if not platforms.is_cluster(stack):  # which has no list of interventions
        ssh.ask(stack, *ssh.host_tool("note", note))
    print(f"Done: {note}.")
    if key in _CONFIGURED:
        print(
            f"Commit {stack.configuration.file.name}: a deployment with the old secret is refused."
            if stack.configuration.file.parent == stack.clone
            else "The new secret is in the configuration of this machine."
        )
    return 0


def _rotate_ssh(stack: Stack) -> str:
    """Let a new key log in, prove it, and take it in place of the old key."""
    old = stack.configuration.values()["auth:sshPrivateKey"]
    new = secrets.ssh_key()
    with step("Add a new key on the server, beside the old key"):
        ssh.ask(stack, *ssh.host_tool("authorize"), stdin=keys.ed25519_public(new))
    with step("Log in with the new key"):
        ssh.try_login(stack, login_key=new)
    stack.configuration.set_secret("sshPrivateKey", new)
    # writes the access without the old key, and connects with the new key
    stack.up()
    with step("Check that the old key is refused"):
        if ssh.may_log_in(stack, login_key=old):
            raise StackError(
                "The old SSH key may still log in. Remove it: "
                f"{advice.make('up', stack.name)}; then look at ~/.ssh/authorized_keys there."
            )
    return "rotated the SSH key of deployments"


def _rotate_host(stack: Stack) -> str:
    """Give the SSH server a new key through the trusted connection, and pin it anew.

    The new key is in the configuration before the server has it: after a kill between both, the
    next run finds it there.
    """
    values = stack.configuration.values()
    new = values.get(f"auth:{NEXT_HOST_KEY}") or secrets.ssh_key()
    if f"auth:{NEXT_HOST_KEY}" not in values:
        stack.configuration.set_secret(NEXT_HOST_KEY, new)
    if not ssh.shows(stack, host_key=new):
        with step("Give the server a new host key"):
            ssh.ask(stack, *ssh.host_tool("host-key"), stdin=new)
    with step("Connect, with the new host key pinned"):
        ssh.try_login(stack, host_key=new)
    stack.configuration.set_secret("sshHostKey", new)
    stack.configuration.unset_value(f"auth:{NEXT_HOST_KEY}")
    stack.up()
    return "rotated the host key"


def _rotate_signing(stack: Stack) -> str:
    """Let the service make its next signing keys, and wait until they are published.

    The service signs with them once clients have fetched them, and verifies with the old keys until
    the last token of these has expired.
    """
    with step("Make the next signing keys"):
        text = platforms.output_of(stack, "python", "-m", "auth", "rotate-keys")
    names = {line.split()[2] for line in text.splitlines() if line.startswith("next ")}
    if not names:
        raise StackError(f"The service made no next key:\n{text}")
    with step("Wait until they are published"):
        _wait_for_keys(str(stack.outputs()["jwksUrl"]), names)
    print(text, end="")
    return f"rotated the signing keys, to {' and '.join(sorted(names))}"


def _wait_for_keys(url: str, names: set[str]) -> None:
    deadline = time.monotonic() + _PUBLISHED_SECONDS
    published: set[str] = set()
    while missing := names - published:
        if time.monotonic() > deadline:
            raise StackError(
                f"After {_PUBLISHED_SECONDS} s {url} does not have {', '.join(sorted(missing))}; "
                f"it has {', '.join(sorted(published)) or 'no answer'}."
            )
        time.sleep(0.5)
        with (
            contextlib.suppress(OSError, ValueError, KeyError),
            urlopen(url, timeout=10) as answer,  # noqa: S310 - the stack's own output
        ):
            published = {str(key["kid"]) for key in json.load(answer)["keys"]}


def _rotate_registry(stack: Stack) -> str:
    """Take a registry token that a person made, prove it on the server, and configure it."""
    token = _from_stdin(
        stack.name, "The new registry token, which may read packages and nothing else: "
    )
    login = {**json.loads(stack.configuration.registry_login()), "password": token}
    if token == stack.configuration.values().get("auth:registryPassword"):
        raise StackError(
            "This is the builder's token, auth:registryPassword. The server must not hold a token "
            "that can push: make a token that may read packages alone."
        )
    with step("Ask the registry for the live image with it, from the server"):
        ssh.ask(stack, *ssh.release_tool("check-login"), stdin=json.dumps(login))
    stack.configuration.set_secret("registryPullPassword", token)
    stack.up()
    print("Revoke the old token at the registry now: nothing uses it any more.")
    return "rotated the registry token of the server"


def _from_stdin(stack: str, question: str) -> str:
    """Return the secret on stdin; ask for it at a terminal, without an echo."""
    secret = getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.read()
    if not (secret := secret.strip()) or len(secret.split()) != 1:
        raise StackError(
            "There is no token on stdin. Give it from a file: "
            f"{advice.make('rotate KEY=registry', stack)} < FILE"
        )
    return secret


KEYS: dict[str, Callable[[Stack], str]] = {
    "ssh": _rotate_ssh,
    "host": _rotate_host,
    "signing": _rotate_signing,
    "registry": _rotate_registry,
    "api": api_key.rotate,
}
_WITH_AN_UPDATE = ("ssh", "host", "registry")
_CONFIGURED = (*_WITH_AN_UPDATE, "api")
