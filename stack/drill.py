"""The drill: the newest copy of a stack is restored into a local stack, where an account signs in.

The stack itself is not touched, apart from a note about the proof in its bucket.
"""

import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.clone import CLONE
from common.progress import StepError, step
from components import advice
from host.auth_release import copies
from host.auth_release.backup import Backup
from host.auth_release.bucket import MissingObjectError
from host.auth_release.copies import Copy
from host.auth_release.errors import ReleaseError
from stack import drill_report, environment, ssh
from stack.errors import StackError
from stack.names import LOCAL, is_local
from stack.stack import Stack

_SERVICE = "auth"
_SECONDS = 3600  # for the restore
_LOGIN_SECONDS = 30
_TRIES = 5
# the copy's data are sealed by them: docs/service.md
_SEALING = ("AUTH_SECRET_KEY", "AUTH_SECRET_KEY_PREVIOUS")


class DrillError(StackError):
    """The copy could not be restored, or nobody could sign in; the message names the step."""


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A drill that worked: the restored copy, its rows by table, and the seconds it took."""

    copy: str
    moment: str
    rows: Mapping[str, int]
    account: str  # that signed in; empty: the stack names none
    restore_seconds: float  # from the copy in the bucket to an account that signs in
    seconds: float  # with the local stack


def drill(name: str) -> Drill:
    """Restore the newest copy of a stack into a local stack; raise DrillError if that fails.

    Another stack's drill makes the local stack, so there must be none: its data would be replaced.
    The drill of the local stack restores it in place. The result is stored in the bucket, for
    `make status`, and posted as metrics.
    """
    source = environment.recorded(CLONE, name)
    if not is_local(name):
        _refuse_local_stack(name)
    values = source.configuration.values()
    backup = backup_of(name, values)
    try:
        result = _drilled(source, values, backup)
    except StepError as error:
        drill_report.store_failure(backup, name, values, str(error))
        raise
    with _named("Store the result in the bucket"):
        copies.note_proof(backup, result.copy, {**vars(result), "by": "drill"})
        drill_report.store_success(backup, name, values, result)
    return result


def _drilled(source: Stack, values: Mapping[str, str], backup: Backup) -> Drill:
    started = time.monotonic()
    with _named("List the copies"):
        available = copies.listed(backup)
    if not available:
        raise DrillError(f"there is no copy in {backup.bucket}/{backup.prefix}")
    copy = available[-1]
    target = source if is_local(source.name) else _made(values)
    restore_started = time.monotonic()
    own = backup_of(target.name, target.configuration.values())
    with _named(f"Fetch {copy.name} from the bucket of {source.name}"):
        transfer(backup, own, copy)
    with _named(f"Restore {copy.name} in the local stack"):
        report = _restored(target, copy)
    compare(copy, report["rows"])
    account = values.get("auth:drillEmail", "")
    if account:
        with _named(f"Sign in as {account}"):
            url = str(target.outputs()["url"])
            sign_in(url, account, values.get("auth:drillPassword", ""))
    ended = time.monotonic()
    return Drill(
        copy=copy.name,
        moment=copy.end,
        rows=report["rows"],
        account=account,
        restore_seconds=round(ended - restore_started, 1),
        seconds=round(ended - started, 1),
    )


def backup_of(name: str, values: Mapping[str, str]) -> Backup:
    """Return the bucket of a stack's copies, from its configuration; raise StackError without."""
    if not values.get("auth:backupBucket"):
        raise StackError(
            f"The stack {name} has no copies to restore: auth:backupBucket is not set. "
            "docs/oracle-cloud.md, step 6, leads to a bucket."
        )
    return Backup(
        service=_SERVICE,
        bucket=values["auth:backupBucket"],
        endpoint=values.get("auth:backupEndpoint", "").rstrip("/"),
        region=values.get("oci:region", ""),
        access_key=values.get("auth:backupAccessKey", ""),
        secret_key=values.get("auth:backupSecretKey", ""),
        prefix=f"{name}/{_SERVICE}",
        # of the server alone
        uid=0,
        database="",
        counted=(),
        program="",
        version="",
        disk="",
    )


def transfer(source: Backup, target: Backup, copy: Copy) -> None:
    """Put the objects of a copy into another bucket, under the keys of another stack.

    A timeline in use changes meanwhile: small objects give way to a large object. Then all is
    listed again.
    """
    place = (source.endpoint, source.bucket, source.prefix)
    if place == (target.endpoint, target.bucket, target.prefix):
        return
    done: set[str] = set()
    for _ in range(_TRIES):
        try:
            for key in _keys(source, copy):
                if key not in done:
                    _move(source, target, key)
                    done.add(key)
        except MissingObjectError:
            continue
        return
    raise ReleaseError(f"the timeline {copy.name} changed {_TRIES} times while it was fetched")


def compare(copy: Copy, rows: Mapping[str, int]) -> None:
    """Raise DrillError unless the restored rows are those of the copy's description."""
    if copy.rows and dict(copy.rows) != dict(rows):
        raise DrillError(
            f"the copy {copy.name} has {dict(rows)} once it is restored, and {dict(copy.rows)} by "
            "its description"
        )


def sign_in(url: str, email: str, password: str) -> None:
    """Sign in with the password of an account; raise DrillError if that is refused."""
    body = json.dumps({"email": email, "password": password}).encode()
    request = urllib.request.Request(  # noqa: S310 - of the local stack
        f"{url}/v1/auth/login", body, {"content-type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=_LOGIN_SECONDS).close()
    except urllib.error.HTTPError as error:
        raise DrillError(
            f"the account {email} can't sign in on the restored copy: HTTP {error.code}. The copy "
            "may lack it, or auth:drillPassword is not its password"
        ) from None
    except OSError as error:
        raise DrillError(f"the restored service at {url} gives no answer: {error}") from None


def lines(name: str, result: Drill) -> list[str]:
    """Return the result of a drill, in sentences."""
    rows = ", ".join(f"{count} {table}" for table, count in result.rows.items())
    account = "No account signed in, as auth:drillEmail is not set."
    if result.account:
        account = f"{result.account} signed in."
    restored, whole = (seconds / 60 for seconds in (result.restore_seconds, result.seconds))
    return [
        f"The copy {result.copy} of {name} was restored, with the data of {result.moment}: {rows}.",
        account,
        f"It took {restored:.1f} min from the bucket on, and {whole:.1f} min with the server.",
    ]


def _refuse_local_stack(name: str) -> None:
    if LOCAL in environment.local_stacks(CLONE):
        raise DrillError(
            f"there is a local stack, and the drill of {name} would replace its data. Take it "
            f"down first: {advice.make('down', LOCAL)}"
        )


def _made(values: Mapping[str, str]) -> Stack:
    """Make a local stack with the keys that the copy's data are sealed by."""
    with _named("Make a local stack"):
        target = environment.prepare(CLONE, LOCAL)
        target.configuration.set_secret("signingKey", values.get("auth:signingKey", ""))
        secrets = json.loads(values.get("auth:serviceSecrets") or "{}")
        for secret in _SEALING:
            if secret in secrets:
                target.configuration.set_secret(f"serviceSecrets.{secret}", secrets[secret])
        target.up()
    return target


def _restored(target: Stack, copy: Copy) -> Any:
    command = ssh.release_tool("restore", "--at", copy.name, "--over")
    text = ssh.ask(target, *command, seconds=_SECONDS)
    return json.loads(text)


def _keys(backup: Backup, copy: Copy) -> list[str]:
    if copy.is_timeline:
        return [
            stored.key for stored in backup.objects.list(f"{backup.prefix}/timelines/{copy.name}/")
        ]
    whole = f"{backup.prefix}/copies/{copy.name}"
    # the description last, as a copy without it is not listed
    return [f"{whole}.sqlite.gz", f"{whole}.json"]


def _move(source: Backup, target: Backup, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "object"
        source.objects.download(key, file)
        target.objects.upload(f"{target.prefix}{key.removeprefix(source.prefix)}", file)


@contextmanager
def _named(title: str) -> Iterator[None]:
    """Show a step, and let its failure name it."""
    try:
        with step(title):
            yield
    except DrillError:
        raise
    except (StepError, ReleaseError, ValueError) as error:
        raise DrillError(f"{title}: {error}") from None
