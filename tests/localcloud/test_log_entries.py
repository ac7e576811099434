"""Entries of the custom log, posted by Oracle's SDK and printed by the emulator's command."""

import json
import subprocess
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oci.loggingingestion import LoggingClient, models

from common import command_line
from localcloud.state.account import Account
from localcloud.state.home import Home
from localcloud.state.log_entries import LogEntries, LogEntry
from tests.localcloud.caller import Caller, refused
from tests.localcloud.conftest import localcloud
from tests.localcloud.served import REPOSITORY

NOW = datetime(2026, 11, 27, 12, 30, 15, 250_000, tzinfo=UTC)


def details(texts: Sequence[str], **fields: Any) -> models.PutLogsDetails:
    entries = [models.LogEntry(data=text, id=str(uuid.uuid4())) for text in texts]
    batch = models.LogEntryBatch(
        entries=entries, source="auth", type="auth.log", defaultlogentrytime=NOW
    )
    return models.PutLogsDetails(**{"specversion": "1.0", "log_entry_batches": [batch], **fields})


def reporter(caller: Caller) -> Any:
    """Return a client of the user who may only post metrics and log entries."""
    user = caller.account.reporter
    return caller.client(
        LoggingClient,
        user=user.ocid,
        fingerprint=user.fingerprint,
        key_file=str(user.private_key_file),
    )


def printed(caller: Caller) -> list[dict[str, Any]]:
    output = localcloud("logs", "--json", "--home", str(caller.home.path))
    return [json.loads(line) for line in output.splitlines()]


def test_a_reader_who_has_seen_enough_of_the_log_ends_the_command_in_silence(
    tmp_path: Path,
) -> None:
    home = Home.open(tmp_path / "home")
    entry = LogEntry(
        id="1", log="log", at=0, source="auth", type="auth.log", subject="proxy", data="…" * 100
    )
    LogEntries(home.log_entries).add([entry] * 1000)
    command = [sys.executable, "-m", "localcloud", "logs", "--home", str(home.path)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=60)

    assert errors == ""
    assert process.returncode == command_line.READER_GONE


def test_posted_entries_are_printed_in_the_order_of_their_arrival(caller: Caller) -> None:
    request = details(["first", "second: ü"])
    (batch,) = request.log_entry_batches
    batch.subject = "proxy"
    batch.entries[1].time = datetime(2026, 11, 27, 12, tzinfo=UTC)

    assert reporter(caller).put_logs(caller.account.log, request).status == 200

    first, second = printed(caller)[-2:]
    assert first == {
        "id": batch.entries[0].id,
        "log": caller.account.log,
        "at": NOW.timestamp(),
        "source": "auth",
        "type": "auth.log",
        "subject": "proxy",
        "data": "first",
    }
    assert (second["data"], second["at"]) == ("second: ü", NOW.timestamp() - 1815.25)
    text = localcloud("logs", "--home", str(caller.home.path))
    assert "2026-11-27 12:30:15 auth proxy | first\n" in text


def test_an_unknown_log_takes_nothing(caller: Caller) -> None:
    other = f"{caller.account.log[:-1]}?"

    refused(404, "NotAuthorizedOrNotFound", reporter(caller).put_logs, other, details(["lost"]))

    assert "lost" not in [entry["data"] for entry in printed(caller)]


def test_a_request_with_a_bad_entry_stores_none_of_its_entries(caller: Caller) -> None:
    client, log = reporter(caller), caller.account.log

    for bad in (
        details(["good", "x" * 1_000_000]),
        details(["good"], specversion="2.0"),
        details(["good"], log_entry_batches=[]),
        details([]),
    ):
        refused(400, "InvalidParameter", client.put_logs, log, bad)

    assert "good" not in [entry["data"] for entry in printed(caller)]


def test_an_outage_of_logging_touches_no_other_service(caller: Caller) -> None:
    with caller.control() as http:
        http.post("/faults", json={"kind": "loggingUnavailable", "times": 1}).raise_for_status()
    caller.identity.list_availability_domains(caller.compartment)

    put, log = reporter(caller).put_logs, caller.account.log
    refused(503, "ServiceUnavailable", put, log, details(["during the outage"]))

    put(log, details(["after the outage"]))
    assert printed(caller)[-1]["data"] == "after the outage"


def test_a_home_of_an_earlier_emulator_gets_a_log(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    file = home.path / "account" / "account.json"
    log = Account.open(home).log
    names = json.loads(file.read_text())
    del names["log"]
    file.write_text(json.dumps(names))

    account = Account.open(home)

    assert account.log.startswith("ocid1.log.oc1.")
    assert account.log != log
    assert Account.open(home).log == account.log
