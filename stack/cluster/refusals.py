"""The commands that a cluster has no use for, each with the reason and the other way."""

from common.progress import StepError
from components import advice

_REASONS = {
    "ssh": (
        "a cluster has no server to log in to. `{exec}` runs a command in a pod of the service"
    ),
    "login": "a cluster has no server to log in to",
    "os-upgrade": (
        "Oracle makes the images of the nodes. A newer image comes with a new node pool, in "
        "Oracle's console or by auth:kubernetesVersion"
    ),
    "new-vm": (
        "the node pool replaces a lost node by itself, and the accounts are in PostgreSQL. "
        "`{status}` shows the nodes"
    ),
    "dashboard": (
        "the store of metrics is a part of a server. Oracle's console has the metrics of the nodes "
        "and of the load balancer; `{status}` shows the pods"
    ),
    "move-database": (
        "pods share no SQLite, so the accounts are in PostgreSQL always. To move them, first set "
        "auth:platform back to server"
    ),
    "pr-stack": (
        "the stack of a pull request has no domain, without which a cluster has no HTTPS. Commit a "
        "file of its own, such as Pulumi.pr-12.yaml, whose auth:platform is server"
    ),
}
_COPIES = (
    "the accounts are in PostgreSQL, which has backups of its own. docs/postgresql.md has the steps"
)
_ON_COPIES = ("bucket", "backup", "backups", "proof", "restore", "drill")  # of SQLite
_KEYS = ("signing", "api")  # as stack/rotation.py has them, without those of _OF_KEYS
_OF_KEYS = {
    "registry": (
        "the cluster has its token from the configuration alone. Set auth:registryPullPassword "
        "with `pulumi config set --secret`, and `{up}` puts it in place"
    ),
    "ssh": "a cluster has no server to log in to",
    "host": "a cluster has no server with a host key",
}


def refuse(command: str, stack: str, *, key: str = "") -> None:
    """Raise StepError for a command that means a server; `key` is the kind of a rotation."""
    reason = _REASONS.get(command)
    name = f"make {command}"
    if command in _ON_COPIES:
        reason = _COPIES
    if command == "rotate":
        _refuse_unknown(key, stack)
        reason, name = _OF_KEYS.get(key), f"make rotate KEY={key}"
    if reason:
        ways = {
            "exec": advice.make("exec CMD='python -m auth --help'", stack),
            "up": advice.make("up", stack),
            "status": advice.make("status", stack),
        }
        raise StepError(
            f"{name}: {stack} runs on a cluster, and {reason.format(**ways)}. Nothing was changed."
        )


def _refuse_unknown(key: str, stack: str) -> None:
    if key not in {*_KEYS, *_OF_KEYS}:
        example = advice.make("rotate KEY=signing", stack)
        raise StepError(
            f"KEY is {key!r}; on a cluster it must be {' or '.join(_KEYS)}, such as {example}."
        )
