"""Whether the machine that answers at an address is the one that this program made."""

import asyncio

from components import advice

_LOOK_SECONDS = 8
_ALGORITHM = "ssh-ed25519"  # the only kind that user_data gives the VM


class HostKeyError(Exception):
    """Another host key than the pinned one; the text says what that can mean, and the way out."""


async def check(host: str, pinned: str, stack: str, port: int = 22) -> bool:
    """Return whether the server answers; raise HostKeyError if with another key than the pinned.

    A server that does not answer is left to those who wait for it: one look, and no login. The
    command plugin itself would dial for minutes, since it takes a wrong key for a slow boot.
    """
    shown = await _shown(host, port)
    if shown is not None and shown != _essence(pinned):
        raise HostKeyError(changed(host, stack))
    return shown is not None


def changed(host: str, stack: str) -> str:
    """Explain a host key that is not the pinned one, with the ways out."""
    return (
        f"{host} shows another SSH host key than the one this stack gave its VM (auth:sshHostKey), "
        "so nothing was sent there. It can mean three things:\n"
        "- The VM was replaced or reinstalled outside of Pulumi, or it was terminated and its "
        "address went to another machine. Look in the cloud's console, then let Pulumi look and "
        f"make a VM of its own again: {advice.make('up REFRESH=1', stack)} (pulumi up --refresh).\n"
        "- auth:sshHostKey is no longer the one that the VM was made with. Put that one back.\n"
        "- Neither: then somebody answers in the server's place. Stay away from it, and look into "
        "the VM by the cloud's console."
    )


async def _shown(host: str, port: int) -> str | None:
    """Return the host key that a server shows; None if it shows none in a few seconds."""
    import asyncssh  # noqa: PLC0415 - takes a third of a second, in which the engine has work

    try:
        key = await asyncio.wait_for(
            asyncssh.get_server_host_key(
                host, port, server_host_key_algs=[_ALGORITHM], config=None
            ),
            _LOOK_SECONDS,
        )
    except asyncssh.KeyExchangeFailed:
        return ""  # it has keys of other kinds alone
    except (OSError, asyncssh.Error, TimeoutError):
        return None
    return _essence(key.export_public_key().decode()) if key else None


def _essence(public_key: str) -> str:
    """Leave out the comment of a public key."""
    return " ".join(public_key.split()[:2])
