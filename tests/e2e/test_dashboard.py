"""The dashboard: metrics of all parts, kept on the server, in a browser through a tunnel."""

import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import chromium
import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from host.auth_release.dashboards import PANELS
from host.auth_release.metrics_store import PORT, UNIT
from tests.localcloud.caller import eventually
from tests.testbed.clone import Clone
from tests.testbed.server import TOOL, Server

REPORT = ("sudo", "systemctl", "start", "auth-metrics.service")
_SECONDS = 120
_MEGABYTE = 1 << 20


@contextmanager
def dashboard_of(clone: Clone) -> Iterator[str]:
    """Run `make dashboard` as in a terminal; yield its address without the page."""
    # Ctrl-C is ignored by each command that a shell starts in the background, as a runner may be
    command = ("env", "--default-signal=INT", "make", "--silent", "dashboard")
    with subprocess.Popen(
        command, cwd=clone.path, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        line = process.stdout.readline()  # it ends within half a minute in any case
        try:
            assert "http://127.0.0.1:" in line, line
            yield line.split()[-1].partition("vmui")[0]
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(20)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    address = httpx.URL(line.split()[-1])
    with socket.socket() as link:
        assert link.connect_ex(("127.0.0.1", address.port or 0)) != 0, "the tunnel goes on"


@pytest.fixture(scope="module", name="dashboard")
def _dashboard(clone: Clone, server: Server, url: str) -> Iterator[str]:
    """Keep metrics in this file alone, of some requests; yield the address of the dashboard."""
    on = clone.shell("pulumi config set auth:dashboard true")
    assert on.status == 0, on.output
    try:
        assert clone.make("up").status == 0
        with dashboard_of(clone) as address:
            email = f"dashboard-{secrets.token_hex(4)}@example.test"
            account = {"email": email, "password": "correct horse battery"}
            for path in ("register", "login"):
                httpx.post(f"{url}/v1/auth/{path}", json=account, timeout=30)
            server.must(*REPORT)
            yield address
    finally:
        assert clone.shell("pulumi config rm auth:dashboard").status == 0
        assert clone.make("up").status == 0
    assert server.run("systemctl", "is-active", UNIT).output.strip() == "inactive"


def answer(dashboard: str, query: str) -> list[dict[str, Any]]:
    asked = httpx.get(f"{dashboard}api/v1/query", params={"query": query}, timeout=30)
    assert asked.status_code == httpx.codes.OK, asked.text
    return list(asked.json()["data"]["result"])


def value(dashboard: str, query: str) -> str:
    """Return the value of a query, once the store has read it for the first time."""
    eventually(query, lambda: bool(answer(dashboard, query)), wanted=True, seconds=_SECONDS)
    return str(answer(dashboard, query)[0]["value"][1])


def test_each_curve_has_data_of_the_live_release(dashboard: str, server: Server) -> None:
    deadline = time.monotonic() + _SECONDS
    curves = {
        f"{panel.title}: {name}": query
        for panel in PANELS
        for name, query in panel.curves.items()
        if panel.title != "Certificate"  # a site on plain HTTP has none
    }
    while empty := [name for name, query in curves.items() if not answer(dashboard, query)]:
        assert time.monotonic() < deadline, f"no data: {empty}"
        time.sleep(1)

    number = value(dashboard, "auth_host_release")
    assert int(number) == server.status()["live"]["release"]
    # a source that was busy for once is read again within 15 s
    eventually(
        "the sources",
        lambda: {each["value"][1] for each in answer(dashboard, "up")},
        {"1"},
        seconds=_SECONDS,
    )


def test_a_browser_draws_each_panel(dashboard: str) -> None:
    chromium.ensure()
    with chromium.browser(size=(1600, 2600)) as chrome:
        chrome.get(f"{dashboard}vmui/#/dashboards?g0.range_input=15m")
        # vmui draws a panel's canvas once its query has data
        drawn = len(PANELS) - 1
        WebDriverWait(chrome, _SECONDS).until(
            lambda _: len(chrome.find_elements(By.CSS_SELECTOR, "canvas")) >= drawn,
            "not all panels are drawn",
        )
        titles = chrome.find_elements(By.CSS_SELECTOR, ".vm-predefined-panel-header__title")
        assert [title.text for title in titles] == [panel.title for panel in PANELS]
        assert chrome.find_elements(By.CSS_SELECTOR, ".vm-alert") == []


def test_the_tunnel_leads_to_the_store_alone_which_is_bounded(
    dashboard: str, server: Server
) -> None:
    listeners = server.must("ss", "--no-header", "--listening", "--numeric", "--tcp")
    assert {line.split()[3] for line in listeners.splitlines() if f":{PORT} " in line} == {
        f"127.0.0.1:{PORT}"
    }
    resident = value(dashboard, 'process_resident_memory_bytes{job="store"}')
    assert int(resident) < 256 * _MEGABYTE
    # the interface for administration of the proxy
    folder = server.clone.path / ".local" / "ssh" / "local"
    refused = subprocess.run(
        [
            *("ssh", "-F", "none", "-i", str(folder / "key"), "-oBatchMode=yes"),
            *(f"-oUserKnownHostsFile={folder / 'known_hosts'}", "-W", "127.0.0.1:2019"),
            f"ubuntu@{server.address}",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode != 0
    assert "prohibited" in refused.stderr


def test_the_proxy_logs_no_question_about_its_health(server: Server) -> None:
    server.must(*TOOL, "status")

    def is_asked() -> bool:
        return "caddy_admin_http_requests_total" in server.must(
            "curl", "--silent", "http://127.0.0.1:2019/metrics"
        )

    eventually("a question to the proxy", is_asked, wanted=True, seconds=20)
    lines = server.must(
        *("sudo", "journalctl", "--unit=caddy", "--since=-20s", "--output=cat", "--no-pager")
    ).splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    assert [each for each in entries if each.get("logger") == "admin.api"] == []
