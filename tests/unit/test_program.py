"""The whole program, `__main__.py`, on a recording engine."""

import ast
import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import banner, host_key, observed_state
from components.observed_state import ObservedState
from tests.unit.conftest import PROGRAM, Program, Recording, plain

Up = Callable[[Program], Recording]
URNS = """
auth:alarms:Alarms$oci:HealthChecks/httpMonitor:HttpMonitor::auth-monitor
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-backup
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-certificate
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-disk
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-drill
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-errors
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-latency
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-log-ins
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-memory
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-reports
auth:alarms:Alarms$oci:Monitoring/alarm:Alarm::auth-site-down
auth:alarms:Alarms$oci:Ons/notificationTopic:NotificationTopic::auth-alarms
auth:alarms:Alarms$oci:Ons/subscription:Subscription::auth-alarms-to-oncall@example.com
auth:backup:Backup$command:remote:Command::auth-backup
auth:budget:Budget$oci:Budget/budget:Budget::auth-budget
auth:budget:Budget$oci:Budget/rule:Rule::auth-budget-actual-100
auth:budget:Budget$oci:Budget/rule:Rule::auth-budget-actual-50
auth:budget:Budget$oci:Budget/rule:Rule::auth-budget-actual-80
auth:budget:Budget$oci:Budget/rule:Rule::auth-budget-forecast-100
auth:image:Image$docker:index/image:Image::auth-image
auth:metrics:Metrics$command:remote:Command::auth-metrics
auth:network:Network$oci:Core/defaultRouteTable:DefaultRouteTable::auth-routes
auth:network:Network$oci:Core/defaultSecurityList:DefaultSecurityList::auth-closed
auth:network:Network$oci:Core/internetGateway:InternetGateway::auth-gateway
auth:network:Network$oci:Core/networkSecurityGroup:NetworkSecurityGroup::auth-nsg
auth:network:Network$oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule::auth-nsg-22-from-198-51-100-0-24
auth:network:Network$oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule::auth-nsg-443-from-0-0-0-0-0
auth:network:Network$oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule::auth-nsg-80-from-0-0-0-0-0
auth:network:Network$oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule::auth-nsg-egress
auth:network:Network$oci:Core/subnet:Subnet::auth-subnet
auth:network:Network$oci:Core/vcn:Vcn::auth-vcn
auth:release:Release$command:remote:Command::auth-release
auth:server:Server$command:remote:Command::auth-access
auth:server:Server$command:remote:Command::auth-data-volume
auth:server:Server$command:remote:Command::auth-provision
auth:server:Server$command:remote:Command::auth-release-tool
auth:server:Server$oci:Core/instance:Instance::auth-vm
auth:server:Server$oci:Core/publicIp:PublicIp::auth-address
auth:server:Server$oci:Core/volume:Volume::auth-data
auth:server:Server$oci:Core/volumeAttachment:VolumeAttachment::auth-data-attachment
auth:server:Server$oci:Core/volumeBackupPolicy:VolumeBackupPolicy::auth-data-backups
auth:server:Server$oci:Core/volumeBackupPolicyAssignment:VolumeBackupPolicyAssignment::auth-data-backups-assignment
pulumi:pulumi:Stack$auth:alarms:Alarms::auth
pulumi:pulumi:Stack$auth:backup:Backup::auth
pulumi:pulumi:Stack$auth:budget:Budget::auth
pulumi:pulumi:Stack$auth:image:Image::auth
pulumi:pulumi:Stack$auth:metrics:Metrics::auth
pulumi:pulumi:Stack$auth:network:Network::auth
pulumi:pulumi:Stack$auth:release:Release::auth
pulumi:pulumi:Stack$auth:server:Server::auth
"""


def test_a_resource_keeps_its_urn(up: Up, program: Program) -> None:
    """By another URN the engine would delete the resource and create another."""
    recorded = up(program)

    assert {urn.removeprefix("urn:pulumi:test::auth::") for urn in recorded.urns} == {*URNS.split()}


def test_the_accounts_of_postgresql_are_reached_by_a_secret_and_not_copied(
    up: Up, monkeypatch: pytest.MonkeyPatch, program: Callable[..., None]
) -> None:
    exported: dict[str, object] = {}
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)
    url = "postgresql://auth:hunter2-and-more@db.test/auth"
    recorded = up(lambda: program(database="postgresql", databaseUrl=url))

    release = json.loads(str(plain(recorded["auth-release"]["stdin"])))
    assert release["secrets"]["AUTH_DATABASE_URL"].startswith(f"{url}?sslmode=verify-full")
    backup = recorded.registered["command:remote:Command auth-backup"].inputs["stdin"]
    assert json.loads(str(plain(backup)))["bucket"] == "", "no file is there to copy"
    assert exported["database"] == "PostgreSQL at db.test:5432/auth"


def test_the_example_with_another_service_has_its_accounts_in_postgresql_too(
    up: Up, monkeypatch: pytest.MonkeyPatch, program: Callable[..., None]
) -> None:
    example = PROGRAM.parent / "examples" / "two-services" / "__main__.py"
    monkeypatch.chdir(example.parent)
    monkeypatch.setattr("pulumi.config.get_project", lambda: "two-services")
    url = "postgresql://auth:hunter2-and-more@db.test/auth"
    recorded = up(lambda: program(example, database="postgresql", databaseUrl=url))

    release = json.loads(str(plain(recorded["auth-release"]["stdin"])))
    assert release["secrets"]["AUTH_DATABASE_URL"].startswith(f"{url}?sslmode=verify-full")


@pytest.mark.parametrize(
    "server",
    [
        {"databaseUrl": "postgresql://auth:hunter2-and-more@db.test/auth"},
        {"databasePassword": "hunter2-and-more-Words"},
    ],
    ids=["of your own", "run by Oracle"],
)
def test_the_example_with_several_servers_refuses_a_database_that_it_would_not_use(
    up: Up, monkeypatch: pytest.MonkeyPatch, program: Callable[..., None], server: dict[str, str]
) -> None:
    example = PROGRAM.parent / "examples" / "fleet" / "__main__.py"
    monkeypatch.chdir(example.parent)

    with pytest.raises(pulumi.RunError, match=r"Keep them in SQLite") as refused:
        up(lambda: program(example, database="postgresql", **server))

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("shape", "cpus"), [("VM.Standard.A1.Flex", "3"), ("VM.Standard.E5.Flex", "6")]
)
def test_the_service_may_use_all_processors_of_the_vm(
    up: Up, program: Callable[..., None], shape: str, cpus: str
) -> None:
    recorded = up(lambda: program(shape=shape, ocpus="3"))

    release = json.loads(str(plain(recorded["auth-release"]["stdin"])))
    assert release["limits"]["cpus"] == cpus


def test_each_name_in_oracles_console_has_the_stack_in_it(up: Up, program: Program) -> None:
    recorded = up(program)

    names = {
        key: str(args.inputs.get("displayName") or args.inputs.get("name"))
        for key, args in recorded.registered.items()
        if {"displayName", "name"} & {*args.inputs}
    }
    assert len(names) > 10
    without = {key: name for key, name in names.items() if "test" not in name}
    assert without == {}, "a person could take it for that of another stack in the compartment"


def imported() -> dict[str, Any]:
    """Import all modules that the program imports, in a process of its own."""
    sources = PROGRAM, PROGRAM.with_name("platforms") / "server.py"
    imports = [
        node
        for source in sources
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    report = "import gc, json, sys; print(json.dumps([gc.isenabled(), [*sys.modules]]))"
    script = "\n".join([*map(ast.unparse, imports), report])
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=PROGRAM.parent, capture_output=True, check=True
    )
    collects, modules = json.loads(result.stdout)
    return {"collects": collects, "modules": modules}


def test_the_imports_stay_within_their_budget() -> None:
    """The program has 759 modules: 265 of Pulumi and its SDKs, most others of their libraries."""
    program = imported()

    assert not program["collects"], "garbage collection doubles the time of the imports"
    assert len(program["modules"]) <= 759
    parts = [name.split(".") for name in program["modules"]]
    services = {part[1] for part in parts if part[0] == "pulumi_oci" and len(part) > 2}
    assert services == {"core", "healthchecks", "monitoring", "ons"}
    resources = [part[2] for part in parts if part[:2] == ["pulumi_oci", "core"] and len(part) > 2]
    assert len(resources) <= 20, "all resources are imported, of which the program uses a few"
    late = {"asyncssh", "auth"} & {name.partition(".")[0] for name in program["modules"]}
    assert not late, "these are imported while the engine works"


def test_the_calls_of_an_update_stay_within_their_budget(
    up: Up, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def count(module: Any, name: str) -> None:
        function = getattr(module, name)

        def counted(*args: Any, **options: Any) -> Any:
            calls[f"{module.__name__}.{name}"] += 1
            return function(*args, **options)

        monkeypatch.setattr(module, name, counted)

    for module, name in (
        *((banner, "wait"), (host_key, "check"), (observed_state, "read")),
        (subprocess, "run"),
    ):
        count(module, name)

    recorded = up(program)

    assert calls == {
        # connections to the server; a changed command makes its own
        "components.banner.wait": 1,
        "components.host_key.check": 1,
        "components.observed_state.read": 1,
        # git, for the revision of the image
        "subprocess.run": 5,
    }
    assert sorted(token.partition(":")[2] for token, _ in recorded.calls) == [
        "Core/getImages:getImages",
        "Core/getPrivateIps:getPrivateIps",
        "Core/getPublicIp:getPublicIp",
        "Core/getVnicAttachments:getVnicAttachments",
        "Identity/getAvailabilityDomains:getAvailabilityDomains",
    ]


def test_the_server_is_asked_before_its_provisioning_is_checked(
    up: Up, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def read(**_: object) -> dict[str, ObservedState]:
        asked.set()
        return {}

    async def check(*_: object) -> bool:  # before the first command of the provisioning
        await asyncio.wait_for(asked.wait(), timeout=20)
        return True

    monkeypatch.setattr(observed_state, "read", read)
    monkeypatch.setattr(host_key, "check", check)

    assert "auth-provision" in up(program).names


def test_the_image_is_registered_first(up: Up, program: Program) -> None:
    """The build is the longest step of a changed line, and needs nothing of the server."""
    assert next(iter(up(program).registered)) == "auth:image:Image auth"
