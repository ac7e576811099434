"""The continuous copy of a service's database: Litestream, as a systemd service of the host.

Each database that begins empty, and each restored database, has a timeline of its own in the
bucket. So no copy is ever written over, or continued by, the copy of another database.
"""

import json
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .bucket import Bucket
from .containers import DATA
from .documents import read
from .errors import ReleaseError
from .files import write_atomically, write_changed
from .programs import run, succeeds

SETTINGS = Path("/etc/auth-backup")
RUN = Path("/run")
PROGRAM = Path("/usr/local/lib/auth-backup/litestream")
UNIT = Path("/etc/systemd/system/auth-backup@.service")
LATE_SECONDS = 60  # a copy that is older is a problem
_FIRST_SECONDS = 30
# setpriv, as systemd's User= takes no number without a name on the host
_UNIT_TEXT = """\
[Unit]
Description=Copies the database of %i to the backup bucket
After=auth-data.service network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
# a new volume has no timeline yet, and its database must not continue the timeline of another
ExecStartPre=/usr/bin/grep -qFf {data}/.backup/%i/timeline {settings}/%i.yml
ExecStartPre=/usr/bin/install -d -m 0700 -o {uid} -g {uid} /run/auth-backup-%i
ExecStart=/usr/bin/setpriv --reuid={uid} --regid={uid} --clear-groups \
  {program} replicate -config {settings}/%i.yml
Restart=always
RestartSec=5
NoNewPrivileges=yes
MemoryMax=256M

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """The settings of a service's backup; without a bucket there is none.

    `program` is the path of Litestream in the service's image, `version` its version there.
    `counted` are the tables whose rows people know a copy by.
    """

    service: str
    uid: int
    database: str  # a file in the service's folder on the data volume
    counted: Sequence[str]
    program: str
    version: str
    disk: str  # the VM's disks, as for a release
    endpoint: str = ""
    region: str = ""
    bucket: str = ""
    prefix: str = ""  # of all keys of this service and its stack
    access_key: str = ""
    secret_key: str = ""

    @classmethod
    def of(cls, service: str) -> "Backup":
        """Return the settings on this host; raise ReleaseError without a backup."""
        try:
            stored = json.loads((SETTINGS / f"{service}.json").read_text())
        except FileNotFoundError:
            raise ReleaseError(
                f"{service} has no backup: auth:backupBucket is not set. docs/oracle-cloud.md "
                "leads to a bucket."
            ) from None
        return read(cls, stored, strict=False)

    @staticmethod
    def is_configured(service: str) -> bool:
        return (SETTINGS / f"{service}.json").exists()

    @property
    def objects(self) -> Bucket:
        return Bucket(
            endpoint=self.endpoint,
            region=self.region,
            name=self.bucket,
            access_key=self.access_key,
            secret_key=self.secret_key,
        )

    @property
    def path(self) -> Path:
        return DATA / self.service / self.database

    @property
    def work(self) -> Path:
        """The folder for drafts and replaced databases, on the data volume."""
        return DATA / ".backup" / self.service

    @property
    def notes(self) -> Path:
        """The folder beside the database in which Litestream notes the changes to copy."""
        return self.path.with_name(f".{self.path.name}-litestream")

    @property
    def unit(self) -> str:
        return f"auth-backup@{self.service}.service"

    @property
    def litestream_settings(self) -> Path:
        return SETTINGS / f"{self.service}.yml"

    @property
    def socket(self) -> Path:
        return RUN / f"auth-backup-{self.service}" / "control.sock"

    def timeline(self) -> str:
        """Return the name of the present database's timeline; make one if it has none."""
        file = self.work / "timeline"
        if not file.exists():
            self.begin_timeline()
        return file.read_text().strip()

    def begin_timeline(self) -> None:
        """Let the copy of the present database begin anew, under a name of its own.

        Litestream's notes go: they begin after changes that the new timeline lacks.
        """
        succeeds("systemctl", "stop", self.unit)
        shutil.rmtree(self.notes, ignore_errors=True)
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.set_timeline(f"{now}-{secrets.token_hex(2)}")

    def set_timeline(self, name: str) -> None:
        self.work.mkdir(mode=0o711, parents=True, exist_ok=True)
        write_atomically(self.work / "timeline", f"{name}\n", mode=0o600)

    def is_cut_off(self) -> bool:
        """Whether the copying here went on with a timeline that the bucket lacks.

        The bucket is another one then, or was made anew. Litestream's notes keep the changes of a
        few minutes, so a copy from the beginning takes a new timeline.
        """
        folder = f"{self.prefix}/timelines/{self.timeline()}/"
        return self.notes.exists() and next(self.objects.list(folder), None) is None

    def litestream_document(self, timeline: str) -> str:
        """Return Litestream's configuration; JSON is YAML."""
        return json.dumps(
            {
                "socket": {"enabled": True, "path": str(self.socket), "permissions": 0o600},
                "logging": {"level": "warn", "type": "text", "stderr": True},
                "shutdown-sync-timeout": "20s",
                "snapshot": {"interval": "24h", "retention": "168h"},
                "dbs": [
                    {
                        "path": str(self.path),
                        "monitor-interval": "1s",
                        "replica": {
                            "type": "s3",
                            "endpoint": self.endpoint,
                            "region": self.region,
                            "bucket": self.bucket,
                            "path": f"{self.prefix}/timelines/{timeline}",
                            "access-key-id": self.access_key,
                            "secret-access-key": self.secret_key,
                            "force-path-style": True,
                            "sync-interval": "1s",
                        },
                    }
                ],
            },
            indent=2,
        )


def configure(document: bytes, live_container: Callable[[str], str]) -> tuple[str, str]:
    """Put the settings in force; return their service, and a sentence about the result.

    `live_container` names the live container of a service, whose image has Litestream.
    """
    try:
        backup = read(Backup, json.loads(document), strict=True)
    except ValueError:
        raise ReleaseError("the settings of the backup are not JSON") from None
    return backup.service, _configure(backup, live_container)


def _configure(backup: Backup, live_container: Callable[[str], str]) -> str:
    if not backup.bucket:
        return _switch_off(backup)
    backup.objects.check()
    _install(backup, live_container(backup.service))
    changed = write_changed(
        SETTINGS / f"{backup.service}.json", json.dumps(asdict(backup)), mode=0o600
    )
    unit = _UNIT_TEXT.format(uid=backup.uid, program=PROGRAM, settings=SETTINGS, data=DATA)
    if write_changed(UNIT, unit):
        run("systemctl", "daemon-reload")
        changed = True
    if backup.is_cut_off():
        backup.begin_timeline()
    if start(backup) or changed:
        run("systemctl", "restart", backup.unit)
    if not backup.path.exists():
        return f"{backup.path} does not exist yet; its copy begins with it"
    wait_for_copy(backup)
    return f"copied to {backup.bucket}/{backup.prefix}"


def start(backup: Backup) -> bool:
    """Copy the present database into its timeline; return whether the settings changed."""
    changed = write_changed(
        backup.litestream_settings,
        backup.litestream_document(backup.timeline()),
        mode=0o600,
        owner=backup.uid,
    )
    run("systemctl", "enable", "--now", "--quiet", backup.unit)
    return changed


def wait_for_copy(backup: Backup, seconds: float = _FIRST_SECONDS) -> None:
    """Return once the bucket has the database as it is now; else raise ReleaseError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            run(
                *(str(PROGRAM), "sync", "-socket", str(backup.socket), "-wait"),
                *("-timeout", "10", "-json", str(backup.path)),
            )
        except ReleaseError as error:
            if time.monotonic() > deadline:
                raise ReleaseError(
                    f"the bucket {backup.bucket} has no copy within {seconds:g} s: {error}. "
                    f"See `journalctl -u {backup.unit}`"
                ) from None
            time.sleep(0.5)
        else:
            return


def state(service: str) -> dict[str, Any] | None:
    """Return the age of the last copy in seconds, and its problem; None without a backup."""
    if not Backup.is_configured(service):
        return None
    backup = Backup.of(service)
    age = _age(backup)
    problem = ""
    if age is None:
        problem = "the database was not copied since the start"
    elif age < -LATE_SECONDS:
        problem = (
            f"the last copy is from {-age} s ahead: the clock of this host went back; see "
            "`timedatectl`"
        )
    elif age > LATE_SECONDS:
        problem = f"the last copy is {age} s old"
    return {"bucket": backup.bucket, "age_seconds": age, "problem": problem, "unit": backup.unit}


def _age(backup: Backup) -> int | None:
    try:
        listed = json.loads(
            run(str(PROGRAM), "list", "-socket", str(backup.socket), "-json", timeout=10)
        )
        moment = datetime.fromisoformat(listed["databases"][0]["last_sync_at"][:19])
    except (ReleaseError, ValueError, LookupError):
        return None
    return int((datetime.now(UTC) - moment.replace(tzinfo=UTC)).total_seconds())


def _switch_off(backup: Backup) -> str:
    if not Backup.is_configured(backup.service):
        return "no bucket is configured"
    succeeds("systemctl", "disable", "--now", "--quiet", backup.unit)
    backup.litestream_settings.unlink(missing_ok=True)
    (SETTINGS / f"{backup.service}.json").unlink()
    return "switched off; the copies in the bucket stay"


def _install(backup: Backup, container: str) -> None:
    """Take Litestream out of the service's image, unless the host has this version."""
    if _version() == backup.version:
        return
    PROGRAM.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = PROGRAM.with_name("litestream.new")
    run("docker", "cp", f"{container}:{backup.program}", f"{draft}.gz")
    run("gzip", "--decompress", "--force", f"{draft}.gz")
    draft.chmod(0o755)
    draft.rename(PROGRAM)
    succeeds("systemctl", "try-restart", backup.unit)


def _version() -> str:
    """Return the version of Litestream on this host, empty without one that runs."""
    try:
        return run(str(PROGRAM), "version").strip().removeprefix("v")
    except ReleaseError:
        return ""
