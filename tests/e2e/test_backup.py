"""The VM and its data volume are lost under load, and the accounts come back from the bucket."""

import json
import re
import shlex
import shutil
import threading
import time

import httpx
import pytest

from tests.localcloud.caller import eventually
from tests.testbed.clone import REPOSITORY, Clone
from tests.testbed.server import Server

PROMISED_SECONDS = 10  # of accounts, at most, are lost with the VM
MOST = 100  # accounts; the service lets an address register 120 in an hour
ADDRESSES = """
import json, sqlite3
database = sqlite3.connect("file:/srv/auth/auth/auth.sqlite?mode=ro", uri=True)
print(json.dumps([row[0] for row in database.execute("SELECT email FROM accounts")]))
"""


class Registrations:
    """Registers accounts one after another, and notes the time of each confirmation."""

    def __init__(self, url: str) -> None:
        self.confirmed: dict[str, float] = {}  # by e-mail address, in monotonic seconds
        self._url, self._stop = url, threading.Event()
        self._thread = threading.Thread(target=self._register)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)

    def _register(self) -> None:
        with httpx.Client(timeout=10, trust_env=False) as client:
            for number in range(MOST):
                if self._stop.wait(0.1):
                    return
                address = f"person-{number}@example.test"
                account = {"email": address, "password": f"a horse with number {number}"}
                try:
                    answer = client.post(f"{self._url}/v1/auth/register", json=account)
                except httpx.HTTPError:
                    return  # the VM is gone
                if answer.is_success:
                    self.confirmed[address] = time.monotonic()


# a whole copy in the bucket, after the statements of stdin
REWRITE = """
import gzip, pathlib, sqlite3, sys
sys.path.insert(0, "/usr/local/sbin/auth-release")
from auth_release.backup import Backup
name, is_new = sys.argv[1], sys.argv[2] == "new"
backup, path = Backup.of("auth"), pathlib.Path("/tmp/rewritten.sqlite")
key = f"{backup.prefix}/copies/{name}.sqlite.gz"
path.write_bytes(b"" if is_new else gzip.decompress(backup.objects.get(key)))
database = sqlite3.connect(path)
database.executescript(sys.stdin.read())
database.close()
backup.objects.put(key, gzip.compress(path.read_bytes()))
path.unlink()
"""


def rewrite(server: Server, name: str, statements: str, *, of: str = "copy") -> None:
    """Change the database of a whole copy by SQL; `of` is "new" to begin with an empty one."""
    server.must("sudo", "python3", "-c", shlex.quote(REWRITE), name, of, stdin=statements)


def lose_the_vm(server: Server) -> None:
    """Terminate the VM and delete the data volume, as somebody may in the console."""
    cloud, instance = server.cloud, server.instance
    cloud.compute.terminate_instance(instance)
    eventually(
        "the VM",
        lambda: cloud.compute.get_instance(instance).data.lifecycle_state,
        "TERMINATED",
        seconds=120,
    )
    server.delete_volumes()


def test_accounts_survive_the_loss_of_the_vm_and_its_volume(
    clone: Clone, url: str, request: pytest.FixtureRequest
) -> None:
    server = Server.of(clone)
    before = json.loads(clone.make("backups", "JSON=1").output)
    status = server.status()
    lost_release, next_release = status["live"]["release"], status["next"]
    registrations = Registrations(url)
    eventually(
        "accounts of more than ten seconds",
        lambda: (
            len(registrations.confirmed) >= 20
            and time.monotonic() - min(registrations.confirmed.values()) > PROMISED_SECONDS + 5
        ),
        True,
        seconds=120,
    )
    lost_at = time.monotonic()
    lose_the_vm(server)
    registrations.stop()

    assert clone.make("up", "REFRESH=1").status == 0
    timelines = [copy for copy in before if copy["is_timeline"]]
    restored = clone.make("restore", f"AT={timelines[-1]['name']}")
    assert restored.status == 0, "an empty database is replaced without a question"
    assert httpx.get(f"{url}/readyz", timeout=30, trust_env=False).status_code == 200
    seconds = time.monotonic() - lost_at

    releases = {
        each["release"]: each for each in json.loads(clone.make("history", "JSON=1").output)
    }
    assert max(releases) == next_release, "the releases of the new VM are numbered on"
    assert releases[lost_release]["outcome"] == "replaced"
    output = Server.of(clone).must("sudo", "python3", "-c", shlex.quote(ADDRESSES))
    accounts = set(json.loads(output))
    missing = [at for address, at in registrations.confirmed.items() if address not in accounts]
    # an account of the seconds between the request and the end of the VM is lost as well
    loss = max([0.0, *(lost_at - at for at in missing)])
    figures = f"RPO {loss:.1f} s, RTO {seconds:.0f} s"
    counts = f"{len(registrations.confirmed)} accounts confirmed, {len(missing)} lost"
    request.node.user_properties.append(("load", f"{counts}: {figures}"))
    assert loss <= PROMISED_SECONDS
    assert registrations.confirmed, "nothing was registered"


def test_a_copy_that_other_secrets_sealed_is_refused_and_the_former_database_is_back(
    clone: Clone, url: str
) -> None:
    server = Server.of(clone)
    account = {"email": "stays@example.test", "password": "a horse that stays here"}
    assert httpx.post(f"{url}/v1/auth/register", json=account, timeout=30).is_success
    assert clone.make("backup", "NAME=foreign").status == 0
    rewrite(server, "foreign", "UPDATE data_keys SET id = 'another';")

    refused = clone.make("restore", "AT=foreign", "OVER=yes")

    assert refused.status != 0
    assert "Put the former database back" in refused.output
    assert "AUTH_SECRET_KEY is not the secret that sealed the data" in refused.output
    login = httpx.post(f"{url}/v1/auth/login", json=account, timeout=30)
    assert login.status_code == 200, "the former accounts are there, and the service runs"


def test_a_drill_restores_the_newest_copy_signs_in_and_notes_the_proof(
    clone: Clone, url: str, request: pytest.FixtureRequest
) -> None:
    account = {"email": "drill@example.test", "password": "a horse that comes back"}
    assert httpx.post(f"{url}/v1/auth/register", json=account, timeout=30).is_success
    assert clone.make("backup", "NAME=drilled").status == 0
    configure = (
        f"pulumi config set auth:drillEmail {account['email']} && "
        f"echo -n '{account['password']}' | pulumi config set --secret auth:drillPassword"
    )
    assert clone.shell(configure).status == 0

    # as on the laptop that takes a lost laptop's place
    shutil.rmtree(clone.path / ".local" / "ssh")
    drilled = clone.make("drill")

    assert drilled.status == 0, drilled.output
    assert f"{account['email']} signed in." in drilled.output
    request.node.user_properties.append(("load", drilled.output.splitlines()[-1]))
    name = re.search(r"The copy (\S+) of local was restored", drilled.output)
    assert name
    proofs = {c["name"]: c["proof"] for c in json.loads(clone.make("backups", "JSON=1").output)}
    assert proofs[name[1]], "the drill is the proof of its copy"
    assert f"  drill    the copy {name[1]} was restored at " in clone.make("status").output

    other = "echo -n 'another password' | pulumi config set --secret auth:drillPassword"
    assert clone.shell(other).status == 0
    failed = clone.make("drill")
    assert failed.status != 0
    problem = f"the account {account['email']} can't sign in on the restored copy: HTTP 401"
    assert problem in failed.output
    assert problem in clone.make("status").output


def test_a_copy_of_an_older_and_of_a_newer_schema_is_restored_and_the_service_runs_on_it(
    clone: Clone, url: str
) -> None:
    server = Server.of(clone)
    first_schema = (REPOSITORY / "service/tests/schemas/0002.sqlite.sql").read_text()
    newer = (
        "UPDATE alembic_version SET version_num = '9999'; CREATE TABLE IF NOT EXISTS later (id);"
    )
    assert clone.make("backup", "NAME=older-schema").status == 0
    assert clone.make("backup", "NAME=newer-schema").status == 0
    rewrite(server, "older-schema", first_schema, of="new")
    rewrite(server, "newer-schema", newer)

    for name, migrations in (("newer-schema", "ahead"), ("older-schema", "current")):
        assert clone.make("restore", f"AT={name}", "OVER=yes").status == 0
        ready = httpx.get(f"{url}/readyz", timeout=30, trust_env=False).json()
        assert ready["checks"]["migrations"] == migrations, name
