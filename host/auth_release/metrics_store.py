"""The metrics store: VictoriaMetrics on this host's loopback, for `make dashboard`.

It reads the metrics of the services and of the proxy itself, and the reporter posts the host's own.
Its data is on the data volume, so that a new VM goes on with it.
"""

import http.client
import json
import pwd
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from . import dashboards, health, logins, network, proxy
from .containers import DATA
from .desired import Registry
from .errors import ReleaseError
from .files import write_atomically, write_changed
from .measures import Measure
from .programs import run, succeeds
from .records import STATE, Records

PORT = 8428  # the only port that sshd leads a tunnel to: host/provision.sh
FOLDER = Path("/etc/auth-metrics-store")
PROGRAM = Path("/usr/local/lib/auth-metrics-store/victoria-metrics")
UNITS = Path("/etc/systemd/system")
UNIT = "auth-metrics-store.service"
_USER = "auth-metrics"
_IN_IMAGE = "/victoria-metrics-prod"
_PULL_SECONDS, _START_SECONDS, _ANSWER_SECONDS = 240, 30, 5
# A web page beside the dashboard could send requests to the tunnel; it does not know this text.
_UNKNOWN = "/proc/sys/kernel/random/boot_id"
# A month, for the error budget of a month. Series and memory are bounded, since a metric with many
# labels would fill both; the disk's last gigabytes belong to the accounts.
_FLAGS = (
    f"-httpListenAddr=127.0.0.1:{PORT}",
    f"-storageDataPath={DATA}/.metrics",
    "-retentionPeriod=31d",
    "-memory.allowedBytes=64MiB",
    "-storage.minFreeDiskSpaceBytes=4GiB",
    "-storage.maxHourlySeries=20000",
    "-storage.maxDailySeries=40000",
    "-search.latencyOffset=5s",  # by default the last half minute is hidden
    "-search.maxConcurrentRequests=4",
    "-search.maxQueueDuration=30s",  # a browser asks for all panels at once
    f"-promscrape.config={FOLDER}/scrape.json",
    "-promscrape.fileSDCheckInterval=15s",
    f"-vmui.customDashboardsPath={FOLDER}/dashboards",
    *(f"-{name}AuthKey=file://{_UNKNOWN}" for name in ("delete", "snapshot")),
    "-loggerLevel=WARN",
)
_UNIT_TEXT = f"""\
[Unit]
Description=Keeps the metrics of this host for a month
After=auth-data.service
BindsTo=auth-data.service
StartLimitIntervalSec=0

[Service]
User={_USER}
ExecStart={PROGRAM} {" ".join(_FLAGS)}
Environment=GOMEMLIMIT=160MiB GOMAXPROCS=1
MemoryMax=256M
Nice=10
Restart=always
RestartSec=5
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
ReadWritePaths={DATA}/.metrics

[Install]
WantedBy=auth-data.service
"""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, kw_only=True)
class Store:
    """The settings of the store: the image that has its program, `NAME@sha256:…`, and its login.

    Without a user name the image is pulled without a login.
    """

    image: str
    username: str = ""
    password: str = field(default="", repr=False)  # empty in the stored settings


def configure(store: Store | None) -> None:
    """Run the store with these settings; without settings, end it. Its data stays."""
    if store is None:
        _remove()
        return
    is_new = _install(store)
    _make_user()
    is_restarted = refresh(Records.services(STATE))
    run("systemctl", "enable", "--now", "--quiet", UNIT)
    if is_new and not is_restarted:
        run("systemctl", "restart", UNIT)
    wait_until_ready()


def is_installed() -> bool:
    """Check whether this host runs a store, or is to run it."""
    return (UNITS / UNIT).exists()


def refresh(services: Sequence[str]) -> bool:
    """Bring the store's files up to this version of the tool; return whether that restarted it.

    The services are read at addresses that outlive releases.
    """
    targets = [
        {
            "targets": [f"{Records(STATE, service).slot().service}:{network.PORT}"],
            "labels": {"service": service},
        }
        for service in services
    ]
    write_changed(FOLDER / "services.json", json.dumps(targets))
    for name, text in dashboards.files().items():
        # each question of a browser reads it anew
        write_changed(FOLDER / "dashboards" / name, text)
    has_other_sources = write_changed(FOLDER / "scrape.json", json.dumps(_scraping(), indent=2))
    has_other_unit = write_changed(UNITS / UNIT, _UNIT_TEXT)
    if has_other_unit:
        run("systemctl", "daemon-reload")
    if not has_other_sources and not has_other_unit:
        return False
    run("systemctl", "restart", UNIT)
    return True


def take_in(measured: Sequence[Measure]) -> None:
    """Give the host's values to the store; raise ReleaseError if it does not take them."""
    text = "".join(f"{series(each)} {each.value:.6g}\n" for each in measured)
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=_ANSWER_SECONDS)
    try:
        connection.request("POST", "/api/v1/import/prometheus", text)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        problem = getattr(error, "strerror", None) or error
        raise ReleaseError(f"the metrics store gives no answer: {problem}") from None
    finally:
        connection.close()
    if status != HTTPStatus.NO_CONTENT:
        raise ReleaseError(f"the metrics store answers HTTP {status} to the values of this host")


def series(measure: Measure) -> str:
    """Return the name and labels of a value in the store, such as `auth_host_disk_percent{…}`."""
    name = _CAMEL.sub("_", measure.name).lower()
    labels = ",".join(f'{label}="{value}"' for label, value in measure.dimensions.items())
    return f"auth_host_{name}{{{labels}}}" if labels else f"auth_host_{name}"


def _scraping() -> Mapping[str, Any]:
    """Return the store's sources, as VictoriaMetrics reads them; JSON is YAML.

    https://docs.victoriametrics.com/victoriametrics/sd_configs/
    """
    named = [{"source_labels": ["service"], "target_label": "instance"}]
    return {
        "global": {"scrape_interval": "15s", "scrape_timeout": "5s"},
        "scrape_configs": [
            {
                "job_name": "service",
                "file_sd_configs": [{"files": [str(FOLDER / "services.json")]}],
                "relabel_configs": named,  # the address changes with the host
            },
            _local("proxy", proxy.ADMIN_PORT, "caddy_(config|http)_.*|process_.*"),
            _local("store", PORT, "vm_(data_size_bytes|free_disk_space_bytes|rows)|process_.*"),
        ],
    }


def _local(job: str, port: int, names: str) -> Mapping[str, Any]:
    return {
        "job_name": job,
        "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"instance": job}}],
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": names, "action": "keep"}
        ],
    }


def _install(store: Store) -> bool:
    """Take the program out of its image, unless it is here; return whether that was a change."""
    note = PROGRAM.with_name("image")
    if PROGRAM.exists() and note.exists() and note.read_text() == store.image:
        return False
    PROGRAM.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = PROGRAM.with_name("victoria-metrics.new")
    _pull(store)
    container = run("docker", "create", store.image).strip()
    try:
        run("docker", "cp", f"{container}:{_IN_IMAGE}", str(draft))
    finally:
        run("docker", "rm", container)
        succeeds("docker", "rmi", store.image)
    shutil.chown(draft, "root", "root")
    draft.chmod(0o755)
    run(str(draft), "-version")  # it runs on this host
    draft.rename(PROGRAM)
    write_atomically(note, store.image, mode=0o644)
    return True


def _pull(store: Store) -> None:
    pull = ("docker", "pull", "--quiet", store.image)
    if not store.username:
        run(*pull, timeout=_PULL_SECONDS)
        return
    server = store.image.partition("/")[0]
    login = Registry(server=server, username=store.username, password=store.password)
    with logins.for_docker(".metrics-store", login) as folder:  # no service has this name
        run(*pull, timeout=_PULL_SECONDS, env={"DOCKER_CONFIG": str(folder)})


def _make_user() -> None:
    """Make the store's user, and give it the data of a store on an earlier VM."""
    if not succeeds("getent", "passwd", _USER):
        run("useradd", "--system", "--user-group", "--shell", "/usr/sbin/nologin", _USER)
    data = DATA / ".metrics"
    data.mkdir(mode=0o700, exist_ok=True)
    # its number may belong to nobody on this VM
    if data.stat().st_uid != pwd.getpwnam(_USER).pw_uid:
        run("chown", "--recursive", f"{_USER}:{_USER}", str(data))


def _remove() -> None:
    if not is_installed():
        return
    succeeds("systemctl", "disable", "--now", "--quiet", UNIT)
    (UNITS / UNIT).unlink()
    run("systemctl", "daemon-reload")
    for folder in (FOLDER, PROGRAM.parent):
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready() -> None:
    """Return once the store answers; raise ReleaseError if it does not in time."""
    deadline = time.monotonic() + _START_SECONDS
    while problem := health.probe("127.0.0.1", PORT, "/health"):
        if time.monotonic() > deadline:
            raise ReleaseError(
                f"the metrics store is not ready within {_START_SECONDS} s ({problem}); see "
                f"`journalctl -u {UNIT}`"
            )
        time.sleep(0.2)
