"""The program's components, on a recording engine."""

import asyncio
import base64
import contextlib
import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

import settings as configuration
from components import (
    access,
    address,
    commands,
    data_volume,
    host_key,
    image,
    machine,
    observed_state,
    person,
    provisioning,
    release,
    rollout,
    server,
    summary,
)
from components.endpoint import Endpoint
from components.network import (
    IngressRule,
    Network,
    NetworkArgs,
    ingress_rules,
    refuse_moving,
)
from components.observed_state import ObservedState, UnreachableError
from host.auth_release.desired import Desired, Tls
from tests.unit.conftest import Program, Recording, plain
from tests.unit.examples import HOST_KEY, SCHEMA, SIGNING_KEY
from tests.unit.examples import configuration as example
from tests.unit.host.fakes import desired as example_desired
from tests.unit.host.fakes import document
from tests.unit.loop import run

Up = Callable[[Program], Recording]
RULE = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
READ = observed_state.read  # before a fixture replaces it
DIGEST = f"registry.test/auth@sha256:{'a' * 64}"


def settings(**changes: str | None) -> configuration.Settings:
    return configuration.parse(example(**changes), schema=SCHEMA, encrypted=lambda _: True)


def network() -> Network:
    return Network(
        "auth",
        NetworkArgs(
            compartment_id="compartment",
            vcn_cidr="10.0.0.0/16",
            subnet_cidr="10.0.1.0/24",
            ingress=ingress_rules(ssh=("198.51.100.0/24",), http=("0.0.0.0/0",)),
        ),
    )


def make_server(
    name: str = "auth",
    *,
    after: Sequence[pulumi.Resource] = (),
    history: pulumi.Output[str] | None = None,
    **changes: str | None,
) -> server.Server:
    chosen = settings(**changes)
    return server.Server(
        name,
        server.ServerArgs(
            tenancy_id=chosen.tenancy_id,
            compartment_id=chosen.compartment_id,
            availability_domain_index=chosen.availability_domain_index,
            fault_domain=chosen.fault_domain,
            subnet_id=pulumi.Output.from_input("subnet"),
            nsg_id=pulumi.Output.from_input("nsg"),
            after=after,
            machine=chosen.machine,
            login_key=chosen.login_key,
            host_key=chosen.host_key,
            protect=chosen.protect,
            reboot_window=chosen.reboot_window,
            history=history,
        ),
    )


def make_release(
    name: str = "auth", opts: pulumi.ResourceOptions | None = None, **changes: Any
) -> release.Release:
    arguments: dict[str, Any] = {
        "server": changes.pop("server", None) or make_server(),
        "image": DIGEST,
        "revision": "abc",
        "registry": settings().registry,
        "port": 8000,
        "site": ":80",
        "environment": {"AUTH_ISSUER": "http://192.0.2.7"},
        "secrets": {"AUTH_SIGNING_KEY": settings().signing_key},
        "uid": 10001,
    }
    return release.Release(name, release.ReleaseArgs(**{**arguments, **changes}), opts)


def test_only_ssh_http_and_https_are_let_in(up: Up) -> None:
    rules = [r for r in up(network).of_type(RULE) if r["direction"] == "INGRESS"]

    open_ports = {
        (r["source"], r["tcpOptions"]["destinationPortRange"]["min"]): r["protocol"] for r in rules
    }
    assert open_ports == {
        ("198.51.100.0/24", 22): "6",
        ("0.0.0.0/0", 80): "6",
        ("0.0.0.0/0", 443): "6",
    }


def test_the_default_security_list_opens_nothing(up: Up) -> None:
    closed = up(network)["auth-closed"]

    assert closed["ingressSecurityRules"] == []
    assert closed["egressSecurityRules"] == []


def test_rules_are_named_by_what_they_open_so_that_one_more_changes_no_other() -> None:
    slugs = [rule.slug for rule in ingress_rules(ssh=("10.0.0.0/8", "192.0.2.1/32"), http=())]

    assert slugs == ["22-from-10-0-0-0-8", "22-from-192-0-2-1-32"]
    assert IngressRule(ports=(22, 22), source="192.0.2.1/32", description="").slug == slugs[1]


def test_the_vm_waits_for_the_rules_of_its_network(up: Up) -> None:
    recorded = up(lambda: make_server(after=network().ready))

    rules = {name for name in recorded.names if name.startswith("auth-nsg-")}
    assert len(rules) == 4
    assert {*rules, "auth-closed", "auth-routes"} <= recorded.awaited["auth-vm"]


def test_a_vm_and_its_volume_never_move_to_another_domain(up: Up) -> None:
    recorded = up(make_server)

    assert {"availabilityDomain", "faultDomain"} <= recorded.ignored["auth-vm"]
    assert "availabilityDomain" in recorded.ignored["auth-data"]
    assert "auth-vm" in recorded.awaited["auth-data"], "a volume is made where the VM found room"


def test_a_fault_domain_is_named_only_if_it_is_configured(up: Up) -> None:
    assert "faultDomain" not in up(make_server)["auth-vm"]


def test_a_servers_releases_wait_for_those_of_the_servers_before(up: Up) -> None:
    def program() -> None:
        servers = {name: make_server(name) for name in ("one", "two", "three")}
        names = {server: name for name, server in servers.items()}
        rollout.roll_out(
            list(servers.values()),
            lambda on, options: [make_release(f"on-{names[on]}", options, server=on)],
            at_once=2,
        )

    awaited = up(program).awaited

    assert awaited["on-one"] == awaited["on-two"] == set()
    # to wait for a component is to wait for its children
    assert awaited["on-three"] == {"on-one-release", "on-two-release"}


def test_the_vm_gets_its_address_from_the_reserved_one_only(up: Up) -> None:
    recorded = up(make_server)

    assert recorded["auth-vm"]["createVnicDetails"]["assignPublicIp"] == "false"
    assert recorded["auth-address"]["lifetime"] == "RESERVED"
    assert recorded["auth-address"]["privateIpId"] == "private-ip"


@pytest.mark.parametrize("preview", [True, False])
def test_an_address_that_is_attached_to_nothing_stops_an_update_before_it_is_dialled(
    monkeypatch: pytest.MonkeyPatch, *, preview: bool
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    unassigned = {
        "ip_address": "192.0.2.7",
        "assigned_to": None,
        "public_ip_id": "ocid1.publicip.x",
        "private_ip_id": "ocid1.privateip.y",
    }
    problem = (
        "attached to nothing.*--public-ip-id ocid1.publicip.x --private-ip-id ocid1.privateip.y"
    )

    if preview:
        assert address.check_assignment(unassigned) == "192.0.2.7"
        assert re.search(problem, warnings[0])
    else:
        with pytest.raises(pulumi.RunError, match=problem):
            address.check_assignment(unassigned)
    assert address.check_assignment({**unassigned, "assigned_to": "private-ip"}) == "192.0.2.7"


def test_defaults_of_the_network_that_the_service_needs_are_written_out(up: Up) -> None:
    """Otherwise a refresh would not show that they were changed."""
    recorded = up(network)

    assert recorded["auth-gateway"]["enabled"] is True
    assert {rule["stateless"] for rule in recorded.of_type(RULE)} == {False}


def test_the_vm_is_wanted_running_although_it_is_the_default(up: Up) -> None:
    """Otherwise a refresh shows no difference when somebody stopped it."""
    assert up(make_server)["auth-vm"]["state"] == "RUNNING"


def test_the_vm_starts_from_the_newest_image(up: Up) -> None:
    assert up(make_server)["auth-vm"]["sourceDetails"]["sourceId"] == "newest"


def test_a_named_image_is_taken_without_a_look_up(up: Up) -> None:
    named = "ocid1.image.oc1.eu-madrid-1.aaaa"

    recorded = up(lambda: make_server(imageOcid=named))

    assert recorded["auth-vm"]["sourceDetails"]["sourceId"] == named


def test_legacy_metadata_is_off_and_disk_traffic_is_encrypted(up: Up) -> None:
    vm = up(make_server)["auth-vm"]

    assert vm["instanceOptions"]["areLegacyImdsEndpointsDisabled"] is True
    assert vm["isPvEncryptionInTransitEnabled"] is True


def test_user_data_is_the_same_to_the_byte_each_time_and_carries_the_host_key() -> None:
    rendered = machine.user_data(host_key=HOST_KEY, host_public_key="ssh-ed25519 AAAA")

    assert rendered == machine.user_data(host_key=HOST_KEY, host_public_key="ssh-ed25519 AAAA")
    text = base64.b64decode(rendered).decode()
    assert text.startswith("#cloud-config\n")
    keys = json.loads(text.partition("\n")[2])["ssh_keys"]
    assert keys == {"ed25519_private": HOST_KEY, "ed25519_public": "ssh-ed25519 AAAA"}


def test_user_data_travels_as_a_secret(up: Up) -> None:
    metadata = plain(up(make_server)["auth-vm"]["metadata"])

    assert isinstance(metadata, dict)
    assert "user_data" in metadata


def test_the_keys_of_the_first_boot_never_replace_a_vm(up: Up) -> None:
    recorded = up(make_server)

    keys = {"metadata.ssh_authorized_keys", "metadata.user_data"}
    assert keys <= recorded.ignored["auth-vm"]
    assert settings().login_key.public in recorded["auth-access"]["stdin"], "it must get in"


@pytest.mark.parametrize(("role", "deployment"), [("admin", "deployment"), ("release", "admin")])
def test_the_key_of_deployments_has_a_shell_only_while_no_operator_has_one(
    role: str, deployment: str
) -> None:
    ann = access.Operator(name="ann", public="ssh-ed25519 AAAA", role=role)

    listed = json.loads(access.document(settings().login_key.public, [ann]))["keys"]

    assert {each["name"]: each["role"] for each in listed} == {
        "deployment": deployment,
        "ann": role,
    }


def test_a_domain_index_beyond_the_region_names_what_there_is() -> None:
    with pytest.raises(pulumi.RunError, match=r"this region has 1 availability domain \(AD-1\)"):
        machine.pick_domain(["AD-1"], 2)


def test_no_image_for_a_shape_says_what_to_change() -> None:
    with pytest.raises(pulumi.RunError, match="auth:ubuntuVersion or auth:shape"):
        machine.first_image([], version="24.04", shape="VM.Standard.A1.Flex")


def test_each_command_pins_the_host_key(up: Up) -> None:
    for command in up(make_release).of_type("command:remote:Command"):
        connection = plain(command["connection"])
        assert isinstance(connection, dict)
        assert connection["hostKey"] == settings().host_key.public


def test_commands_name_the_boot_disk_so_that_a_new_one_is_provisioned(up: Up) -> None:
    recorded = up(make_server)

    for command in ("auth-provision", "auth-release-tool", "auth-access", "auth-data-volume"):
        assert "ocid1.bootvolume.oc1..disk" in recorded[command]["create"], command


def test_another_window_for_reboots_reaches_the_server(up: Up) -> None:
    recorded = up(lambda: make_server(rebootWindow="Sun 03:00-05:00 UTC"))

    command = str(recorded["auth-release-tool"]["create"])
    assert "/usr/local/sbin/auth-release 'Sun 03:00-05:00 UTC' " in command
    assert command != str(up(make_server)["auth-release-tool"]["create"])


def test_the_data_volume_is_mounted_anew_when_it_or_its_attachment_or_its_size_is_new(
    up: Up,
) -> None:
    recorded = up(lambda: make_server(dataVolumeInGbs="80"))

    mounted = recorded["auth-data-volume"]["create"]
    assert "--gbs 80 " in mounted
    assert "auth-data-id" in mounted
    assert "auth-data-attachment-id" in mounted
    assert "auth-release-tool" in recorded.awaited["auth-data-volume"], "the tool mounts it"


def test_a_release_names_the_data_volume_so_that_a_new_one_gets_a_new_container(up: Up) -> None:
    command = up(make_release)["auth-release"]

    assert "auth-data-id" in json.loads(str(plain(command["stdin"])))["disk"]


def test_the_data_volume_is_protected_where_the_vm_is_not(up: Up) -> None:
    recorded = up(lambda: make_server(protect="false"))

    assert recorded.protected == {"auth-data"}
    assert {"auth-data", "auth-vm", "auth-address"} == up(make_server).protected


def test_oracles_backups_of_the_data_volume_are_never_more_than_the_free_five(up: Up) -> None:
    recorded = up(make_server)
    schedules = recorded["auth-data-backups"]["schedules"]
    periods = {"ONE_DAY": 86400, "ONE_WEEK": 7 * 86400}
    kept = [each["retentionSeconds"] / periods[each["period"]] for each in schedules]

    assert recorded["auth-data-backups-assignment"]["assetId"] == "auth-data-id"
    # each schedule has one more while the oldest goes, and they are an hour apart
    assert sum(kept) + 1 <= 5
    assert len({each["hourOfDay"] for each in schedules}) == len(schedules)


def test_oracles_backups_of_the_data_volume_can_be_left_out(up: Up) -> None:
    assert "auth-data-backups" not in up(lambda: make_server(dataVolumeBackups="false")).names


def test_the_release_tool_gets_the_pins_and_the_window_as_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "RELEASE_TOOL", str(tmp_path / "auth-release"))
    sudo, calls = tmp_path / "sudo", tmp_path / "calls"
    sudo.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    sudo.chmod(0o755)
    tool = f"#!/bin/sh\nprintf '<%s>' \"$@\" >> {calls}; echo >> {calls}\n"

    line = commands.install_release_tool(
        boot_volume_id="ocid1", caddy=["a", "b"], reboot_window="Sun 03:00-05:00 UTC"
    )
    subprocess.run(
        ["sh", "-c", line],
        input=base64.b64encode(tool.encode()),
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=True,
    )

    called = calls.read_text().splitlines()
    assert "<install-proxy><a><b>" in called
    assert "<os><configure><--reboot-window><Sun 03:00-05:00 UTC>" in called


def reshaped(
    monkeypatch: pytest.MonkeyPatch, old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[str]:
    """Return the warnings about a change of the VM."""
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    machine.check_hardware(
        pulumi.ResourceHookArgs(
            urn="urn",
            id="id",
            name="auth-vm",
            type="oci:Core/instance:Instance",
            old_inputs=old,
            new_inputs=new,
        )
    )
    return warnings


A1 = {"shape": "VM.Standard.A1.Flex", "shapeConfig": {"ocpus": 1, "memoryInGbs": 6}}


def test_a_shape_for_another_processor_is_refused_before_oracle_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match=r"E4.Flex, a machine for linux/amd64, but the disk"):
        reshaped(monkeypatch, A1, {**A1, "shape": "VM.Standard.E4.Flex"})


@pytest.mark.parametrize(
    "change",
    [{"shape": "VM.Standard.A2.Flex"}, {"shapeConfig": {"ocpus": 2, "memoryInGbs": 6}}],
    ids=["shape", "size"],
)
def test_a_preview_announces_the_reboot_for_other_hardware(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    (warning,) = reshaped(monkeypatch, A1, {**A1, **change})

    assert "The VM reboots" in warning


def test_another_name_of_the_vm_needs_no_reboot(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reshaped(monkeypatch, A1, {**A1, "displayName": "other"}) == []


def resized(old: str, new: str) -> None:
    data_volume.refuse_shrinking(
        pulumi.ResourceHookArgs(
            urn="urn",
            id="id",
            name="auth-data",
            type="oci:Core/volume:Volume",
            old_inputs={"sizeInGbs": old},
            new_inputs={"sizeInGbs": new},
        )
    )


def test_a_smaller_data_volume_is_refused_before_oracle_is_asked() -> None:
    with pytest.raises(ValueError, match=r"dataVolumeInGbs is 50, but the data volume has 60 GB"):
        resized("60", "50")


def test_a_bigger_data_volume_is_not_refused() -> None:
    resized("60", "80")
    resized("60", "60")


def moved(old: str, new: str) -> None:
    refuse_moving(
        pulumi.ResourceHookArgs(
            urn="urn",
            id="id",
            name="auth-subnet",
            type="oci:Core/subnet:Subnet",
            old_inputs={"cidrBlock": old},
            new_inputs={"cidrBlock": new},
        )
    )


def test_a_subnet_at_other_addresses_is_refused_before_oracle_is_asked() -> None:
    with pytest.raises(ValueError, match=r"subnetCidr is 10.0.2.0/24, but .* has 10.0.1.0/24"):
        moved("10.0.1.0/24", "10.0.2.0/24")


def test_a_longer_or_shorter_block_of_a_subnet_is_not_refused() -> None:
    moved("10.0.2.0/24", "10.0.2.0/23")
    moved("10.0.2.0/24", "10.0.2.0/25")


def attached(vnic: str, state: str = "ATTACHED") -> Any:
    return SimpleNamespace(vnic_id=vnic, state=state)


def private(identity: str, vnic: str, *, is_primary: bool = True) -> Any:
    return SimpleNamespace(id=identity, vnic_id=vnic, is_primary=is_primary)


def picked(attachments: list[Any], addresses: list[Any], *, before_changes: bool = False) -> str:
    return address.pick_private_ip(
        "ocid",
        vnics=address.attached_vnics(attachments),
        addresses=address.primary_addresses(addresses),
        before_changes=before_changes,
    )


def test_the_address_goes_to_the_primary_private_ip_of_a_vnic_that_the_vm_has() -> None:
    attachments = [attached("second"), attached("first")]
    addresses = [private("added", "first", is_primary=False), private("primary", "first")]

    assert picked(attachments, addresses) == "primary"


def test_a_preview_of_another_compartment_takes_the_address_without_its_attachment() -> None:
    """The attachments of a VM are listed in its compartment, which only the update changes."""
    assert picked([], [private("primary", "first")], before_changes=True) == "primary"
    with pytest.raises(pulumi.RunError, match="terminated outside"):
        picked([], [private("primary", "first")])
    with pytest.raises(pulumi.RunError, match="terminated outside"):
        picked([], [], before_changes=True)


@pytest.mark.parametrize(
    ("attachments", "addresses"),
    [
        ([], []),
        ([attached("first", "DETACHED")], [private("primary", "first")]),
        ([attached("first")], [private("of-another-vm", "other")]),
    ],
    ids=["gone", "terminated", "its address is another VM's by now"],
)
def test_a_lost_vm_is_reported_with_the_remedy(
    attachments: list[Any], addresses: list[Any]
) -> None:
    with pytest.raises(pulumi.RunError, match=r"The VM ocid has no VNIC.*make up REFRESH=1"):
        picked(attachments, addresses)


def test_the_primary_vnics_address_is_looked_up(up: Up) -> None:
    recorded = up(make_server)

    (arguments,) = recorded.calls_of("oci:Core/getPrivateIps:getPrivateIps")
    assert arguments == {"ipAddress": "10.0.1.2", "subnetId": "subnet"}


def test_the_desired_state_travels_only_as_a_secret_on_stdin(up: Up) -> None:
    command = up(make_release)["auth-release"]

    desired = json.loads(str(plain(command.pop("stdin"))))
    assert desired["secrets"] == {"AUTH_SIGNING_KEY": SIGNING_KEY}
    assert desired["image"] == DIGEST
    assert desired["registry"]["password"] == "a-token-that-reads"
    command.pop("connection")
    assert "PRIVATE KEY" not in str(command), "a secret is outside of stdin"


def test_the_release_shows_its_variables_by_name_and_none_of_their_values(up: Up) -> None:
    shown = up(make_release).of_type("auth:release:Release")[0]

    assert set(shown["environment"]) == {"AUTH_ISSUER"}
    assert set(shown["secrets"]) == {"AUTH_SIGNING_KEY"}
    assert shown["image"] == DIGEST
    text = json.dumps(shown)
    assert "192.0.2.7" not in text, "a value is shown"
    assert "PRIVATE KEY" not in text, "a secret is shown"


def test_a_preview_says_that_it_shows_a_mark_and_not_the_value(up: Up) -> None:
    shown = up(make_release).of_type("auth:release:Release")[0]

    assert shown["environment"]["AUTH_ISSUER"].startswith("not shown, mark ")


def test_a_mark_shows_a_changed_value_and_not_that_two_variables_are_equal() -> None:
    marked = summary.mark("key", "A", "yes")

    assert marked == summary.mark("key", "A", "yes")
    assert marked != summary.mark("key", "A", "no")
    assert marked != summary.mark("key", "B", "yes"), "equal values of two variables can be seen"
    assert marked != summary.mark("another key", "A", "yes"), "the value can be guessed"


def test_a_release_has_no_triggers_and_no_delete(up: Up) -> None:
    command = up(make_release)["auth-release"]

    assert "triggers" not in command, "they replace: the old delete runs after the new create"
    assert "delete" not in command


def test_a_port_out_of_range_is_refused_before_anything_is_registered() -> None:
    with pytest.raises(ValueError, match="from 1 to 65535, not 0"):
        make_release_args_with_port_zero()


def make_release_args_with_port_zero() -> None:
    release.ReleaseArgs(
        server=None,  # type: ignore[arg-type]
        image=DIGEST,
        revision="abc",
        registry=settings().registry,
        port=0,
        site=":80",
        environment={},
        secrets={},
        uid=1,
    )


def test_the_image_is_pushed_under_its_revision_and_never_as_latest(up: Up) -> None:
    def program() -> None:
        image.Image(
            "auth",
            image.ImageArgs(
                registry=settings().registry,
                platform="linux/arm64",
                bases=image.Bases(runtime="base", builder="builder"),
                revision=image.Revision(commit="abc", time="2026-01-01T00:00:00Z"),
            ),
        )

    pushed = up(program)["auth-image"]

    assert pushed["imageName"] == "ghcr.io/acme/auth-service:sha-abc"
    assert pushed["build"]["platform"] == "linux/arm64"
    assert pushed["buildOnPreview"] is False
    login: Any = plain(pushed["registry"])
    assert (login["username"], login["password"]) == ("acme", "a-token")


def test_an_image_of_another_folder_has_the_revision_of_that_folder(up: Up, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    for command in (
        "init --quiet",
        "add .",
        "-c user.name=Ada -c user.email=ada@example.test commit --quiet --message start",
    ):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    made: list[image.Image] = []

    def program() -> None:
        arguments = image.ImageArgs(
            registry=settings().registry,
            platform="linux/arm64",
            bases=image.Bases(),
            context=str(tmp_path),
        )
        made.append(image.Image("notes", arguments))

    pushed = up(program)["notes-image"]

    commit = image.revision(tmp_path).commit
    assert made[0].revision == commit
    assert pushed["imageName"] == f"ghcr.io/acme/auth-service:sha-{commit}"


def test_a_promoted_image_is_released_by_its_digest_and_none_is_built(up: Up) -> None:
    released: list[str] = []

    def program() -> None:
        made = image.Image(
            "auth",
            image.ImageArgs(
                registry=settings().registry,
                platform="linux/arm64",
                bases=image.Bases(),
                promoted=image.Promoted(digest="sha256:0", revision="abc", origin="r1 of dev"),
            ),
        )
        released.append(made.revision)
        made.digest.apply(released.append)

    recorded = up(program)

    assert recorded.of_type("docker:index/image:Image") == []
    (component,) = recorded.of_type("auth:image:Image")
    assert component == {"digest": "sha256:0", "revision": "abc", "origin": "r1 of dev"}
    assert released == ["abc", "ghcr.io/acme/auth-service@sha256:0"]


def test_the_revision_of_a_folder_outside_of_git_says_so(tmp_path: Path) -> None:
    assert image.revision(tmp_path).commit == "unversioned"


def test_the_result_is_read_from_the_last_line() -> None:
    assert release.release_number('noise\n{"release": 12}\n') == 12


def test_a_command_line_survives_hostile_words() -> None:
    assert commands.line("echo", "a b; rm -rf $HOME") == "echo 'a b; rm -rf $HOME'"


def live(**changes: Any) -> dict[str, Any]:
    release = {"release": 6, "fingerprint": "f", "note": "", "by": "ada", "at": "noon"}
    return {**release, **changes}


def observe(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Set the observed state of the server."""

    async def read(**_: Any) -> dict[str, ObservedState]:
        await asyncio.sleep(0)
        return {"auth": ObservedState(**{"live": None, "drift": (), "next_number": 7, **changes})}

    monkeypatch.setattr(observed_state, "read", read)


def planned(up: Up, **changes: Any) -> str:
    return str(up(lambda: make_release(**changes))["auth-release"]["create"])


def test_the_next_release_is_planned_by_its_number(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    observe(monkeypatch, live=live(fingerprint="another"))

    monkeypatch.setattr(person, "current", lambda: "ann@example.com on laptop")

    assert planned(up).endswith("auth-release apply --number 7 '--by=ann@example.com on laptop'")


def test_an_unchanged_release_keeps_its_person_no_matter_who_runs_the_program(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = str(plain(up(make_release)["auth-release"]["stdin"]))
    fingerprint = Desired.parse(document).fingerprint
    observe(monkeypatch, live=live(fingerprint=fingerprint, person="grace on GitHub, run 7"))
    monkeypatch.setattr(person, "current", lambda: "ann@example.com on laptop")

    assert planned(up).endswith("--number 6 '--by=grace on GitHub, run 7'")


def test_a_preview_of_a_new_release_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr(person, "current", lambda: "ann@example.com on laptop")
    observed = ObservedState(live=live(), drift=(), next_number=7)

    assert release.author(observed, 7) == ""


def test_a_server_that_runs_what_is_desired_keeps_its_release(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = str(plain(up(make_release)["auth-release"]["stdin"]))
    observe(monkeypatch, live=live(fingerprint=Desired.parse(document).fingerprint))

    assert planned(up).endswith("--number 6")


def test_a_service_that_was_never_released_there_begins_at_one(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe(monkeypatch, live=live())

    assert str(up(lambda: make_release(service="other"))["auth-release"]["create"]).endswith(
        "--number 1"
    )


def test_drift_on_the_server_plans_a_repair() -> None:
    observed = ObservedState(live=live(), drift=("auth-6 does not run",), next_number=9)

    assert release.planned_number(observed, example_desired()) == (
        9,
        "Release 6 needs repair: auth-6 does not run.",
    )


def test_a_live_release_with_an_unreadable_record_is_replaced_with_a_reason() -> None:
    observed = ObservedState(
        live=None, drift=("the record of release 8 can't be read",), next_number=9
    )

    assert release.planned_number(observed, example_desired()) == (
        9,
        "A new release takes over, as the record of release 8 can't be read.",
    )


def test_a_release_that_failed_after_the_switch_is_reported_and_the_next_is_planned() -> None:
    failed = {"release": 7, "note": "release 6 took over again, as auth-7 ended with exit code 3"}
    observed = ObservedState(live=live(), drift=(), next_number=8, went_back=failed)

    assert release.planned_number(observed, example_desired()) == (
        8,
        f"Release 7 failed after it was live ({failed['note']}).",
    )


def test_a_rollback_by_hand_is_reported() -> None:
    observed = ObservedState(live=live(note="rollback from 5 to 4"), drift=(), next_number=7)
    number, reason = release.planned_number(observed, example_desired())

    assert number == 7
    assert "rollback from 5 to 4, by ada at noon" in str(reason)


@pytest.mark.parametrize(("patience", "attempts"), [(60, 3), (0, 1)])
def test_a_server_that_boots_is_asked_again_for_as_long_as_there_is_patience(
    monkeypatch: pytest.MonkeyPatch, patience: float, attempts: int
) -> None:
    answers = [ConnectionResetError("no sshd yet"), ConnectionRefusedError("nor now"), "{}"]
    results: list[object] = []

    async def run_command(*_: str) -> str:
        await asyncio.sleep(0)
        results.append(answer := answers[len(results)])
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setattr(observed_state, "_run", run_command)
    monkeypatch.setattr(observed_state, "_PAUSE_SECONDS", 0)
    with contextlib.suppress(UnreachableError):
        run(READ(host="192.0.2.7", private_key="", host_key="", patience=patience))
    assert len(results) == attempts


def test_a_server_that_can_not_be_asked_stops_no_preview(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(**_: Any) -> dict[str, ObservedState]:
        await asyncio.sleep(0)
        raise UnreachableError("no route")

    monkeypatch.setattr(observed_state, "read", read)

    assert planned(up).endswith("auth-release apply")


@pytest.mark.parametrize(
    ("provisioned", "preview", "patience"),
    [(False, False, [0]), (True, False, [0, 120]), (True, True, [0])],
)
def test_the_observed_state_is_read_again_after_a_provisioning(
    up: Up,
    monkeypatch: pytest.MonkeyPatch,
    *,
    provisioned: bool,
    preview: bool,
    patience: list[float],
) -> None:
    reads: list[Any] = []

    async def read(**options: Any) -> dict[str, ObservedState]:
        await asyncio.sleep(0)
        reads.append(options["patience"])
        number = 10 + len(reads)
        return {"auth": ObservedState(live=None, drift=(), next_number=number)}

    def provision(*_: Any, on_change: Callable[[], None], **__: Any) -> pulumi.Output[str]:
        if provisioned:
            on_change()
        return pulumi.Output.from_input("disk")

    monkeypatch.setattr(observed_state, "read", read)
    monkeypatch.setattr(provisioning, "provision", provision)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)

    assert planned(up).endswith(f"--number {10 + len(patience)}"), "the last answer counts"
    assert reads == patience


@pytest.mark.parametrize(("preview", "attempts"), [(True, 1), (False, 2)])
def test_a_server_without_an_answer_is_asked_again_by_an_update_alone(
    up: Up, monkeypatch: pytest.MonkeyPatch, *, preview: bool, attempts: int
) -> None:
    reads: list[object] = []

    async def read(**_: Any) -> dict[str, ObservedState]:
        await asyncio.sleep(0)
        reads.append(None)
        raise UnreachableError("no route")

    monkeypatch.setattr(observed_state, "read", read)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _: warnings.append(text))

    assert planned(up).endswith("auth-release apply")
    assert len(reads) == attempts
    assert len(warnings) == 1


def test_a_desired_state_that_the_server_would_refuse_is_refused_here() -> None:
    with pytest.raises(pulumi.RunError, match="`service` must be a lower-case name"):
        release.checked(json.dumps(document(service="Auth")))


@pytest.mark.parametrize(
    ("endpoint", "site", "url", "profile"),
    [
        (Endpoint(), "https://192.0.2.7", "https://192.0.2.7", "shortlived"),
        (Endpoint(allow_plain_http=True), ":80", "http://192.0.2.7", None),
        (Endpoint(domain="auth.test"), "auth.test", "https://auth.test", ""),
        (
            Endpoint(domain="auth.test", allow_plain_http=True),
            *("auth.test", "https://auth.test", ""),
        ),
    ],
)
def test_plain_http_must_be_asked_for(
    up: Up, endpoint: Endpoint, site: str, url: str, profile: str | None
) -> None:
    outputs: list[object] = []

    def program() -> None:
        address = pulumi.Output.from_input("192.0.2.7")
        pulumi.Output.all(
            endpoint.site(address), endpoint.base_url(address), endpoint.tls(address)
        ).apply(outputs.extend)

    up(program)

    certificates = None if profile is None else Tls(address="192.0.2.7", profile=profile)
    assert outputs == [site, url, certificates]


def test_nothing_is_sent_to_a_machine_that_shows_another_host_key(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(host: str, pinned: str, stack: str) -> bool:
        del pinned
        await asyncio.sleep(0)
        raise host_key.HostKeyError(host_key.changed(host, stack))

    monkeypatch.setattr(host_key, "check", check)

    with pytest.raises(pulumi.RunError, match=r"192\.0\.2\.7 shows another SSH host key"):
        up(make_server)
