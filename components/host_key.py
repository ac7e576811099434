"""The check of a server's SSH host key against the key that this stack gave its VM."""

import asyncio

from components import advice, ssh_client

_LOOK_SECONDS = 8
_ALGORITHM = "ssh-ed25519"  # the only kind that user_data gives the VM


class HostKeyError(Exception):
    """The server shows another host key; the text lists the possible causes with their remedies."""


async def check(host: str, pinned: str, stack: str, port: int = 22) -> bool:
    """Return whether the server answers; raise HostKeyError if it shows another host key.

    It connects once and does not log in; `banner.wait` is the wait for a server. The command plugin
    takes a wrong key for a slow boot, and would try again for minutes.
    """
    server_key = await _server_key(host, port)
    if server_key is not None and server_key != _without_comment(pinned):
        raise HostKeyError(changed(host, stack))
    return server_key is not None


def changed(host: str, stack: str) -> str:
    """Return the message about another host key than the pinned key, with its remedies."""
    return (
        f"{host} shows another SSH host key than auth:sshHostKey, the key that this stack gave its "
        "VM, so nothing was sent there. There are three possible causes:\n"
        "- The VM was replaced or reinstalled outside of Pulumi, or it was terminated and another "
        "machine has its address now. Look in the cloud's console, then let Pulumi read the "
        f"cloud's state and create the VM again: {advice.make('up REFRESH=1', stack)} "
        "(pulumi up --refresh).\n"
        "- auth:sshHostKey was changed after the VM was created. Set it back to the earlier key.\n"
        "- Neither: an attacker answers in the server's place. Do not connect; look at the VM in "
        "the cloud's console."
    )


async def _server_key(host: str, port: int) -> str | None:
    """Return the host key of a server; None if no server answers within a few seconds."""
    ssh_client.prepare()  # takes a third of a second, in which the engine has work
    import asyncssh  # noqa: PLC0415

    try:
        key = await asyncio.wait_for(
            asyncssh.get_server_host_key(
                host, port, server_host_key_algs=[_ALGORITHM], config=None
            ),
            _LOOK_SECONDS,
        )
    except asyncssh.KeyExchangeFailed:
        return ""  # it only has keys of other kinds
    except (OSError, asyncssh.Error, TimeoutError):
        return None
    return _without_comment(key.export_public_key().decode()) if key else None


def _without_comment(public_key: str) -> str:
    """Return a public key without its comment, on which the two sides need not agree."""
    return " ".join(public_key.split()[:2])
