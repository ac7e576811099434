"""From a clone to a running service and its next release; on real parts."""

import json
import socket

import httpx
import pytest

from tests.localcloud.caller import eventually
from tests.testbed.clone import Clone, Result
from tests.testbed.load import Load
from tests.testbed.server import Server

PASSWORD = "correct horse battery staple"
SOURCE = "service/auth/__init__.py"
BOOTED = ("systemctl", "show", "--property=UserspaceTimestamp")
REGISTRY_PASSWORDS = ("registryPassword", "registryPullPassword")


def sign_in(url: str, email: str) -> httpx.Response:
    credentials = {"email": email, "password": PASSWORD}
    registered = httpx.post(f"{url}/v1/auth/register", json=credentials, timeout=30)
    assert registered.status_code == httpx.codes.CREATED, registered.text
    answer = httpx.post(f"{url}/v1/auth/login", json=credentials, timeout=30)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer


def act_as(clone: Clone, email: str) -> None:
    """Let a person be the author of what follows."""
    assert clone.run("git", "config", "user.email", email).status == 0


def test_register_login_and_me_work_through_the_public_address(url: str) -> None:
    token = sign_in(url, "ada@example.test").json()

    me = httpx.get(
        f"{url}/v1/me", headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=30
    )

    assert token["token_type"].lower() == "bearer"
    assert token["expires_in"] > 0
    assert me.json()["email"] == "ada@example.test"


def test_the_outputs_name_the_image_by_digest_and_urls_that_answer(clone: Clone) -> None:
    outputs = clone.outputs()

    assert "@sha256:" in outputs["image"]
    for name in ("healthUrl", "jwksUrl"):
        assert httpx.get(outputs[name], timeout=30).status_code == httpx.codes.OK, name


def test_the_ssh_command_works_as_it_is_printed_and_ssh_in_a_shell_of_make_env(
    clone: Clone,
) -> None:
    outputs = clone.outputs()
    clone.run("rm", "-rf", ".local/ssh")  # as after an update by the plain CLI

    printed = clone.run(*outputs["sshCommand"].split(), "hostname")
    plain = clone.shell(f"cd /; ssh ubuntu@{outputs['serverIp']} hostname")

    assert (printed.status, printed.output.splitlines()[-1]) == (0, "auth"), printed.output
    assert (plain.status, plain.output.splitlines()[-1]) == (0, "auth"), plain.output
    for path in (clone.path / ".local" / "ssh" / "local").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_last_line_of_make_up_is_the_url_and_a_second_one_changes_nothing(
    clone: Clone, url: str
) -> None:
    assert clone.make("up").status == 0  # other tests release by the tool alone
    release = clone.outputs()["release"]

    again = clone.make("up")

    assert again.status == 0
    assert again.output.splitlines()[-1].split() == ["url", url]
    unchanged = clone.shell("pulumi preview --stack local --expect-no-changes")
    assert unchanged.status == 0, unchanged.output
    assert clone.outputs()["release"] == release


def test_a_port_that_no_rule_opens_does_not_answer(clone: Clone) -> None:
    address = clone.outputs()["serverIp"]
    listening = clone.on_server(
        *("sudo", "systemd-run", "--unit=closed-port", "python3", "-m", "http.server", "8081")
    )
    assert listening.status == 0, listening.output
    try:
        with socket.socket() as probe:
            probe.settimeout(3)
            assert probe.connect_ex((address, 8081)) != 0, "a closed port answers"
    finally:
        clone.on_server("sudo", "systemctl", "stop", "closed-port")


@pytest.mark.usefixtures("pristine")
def test_a_code_change_rolls_out_a_new_digest_without_a_lost_request(
    clone: Clone, url: str
) -> None:
    before = clone.outputs()
    clone.append(SOURCE, 'CHANGED = "by the test"')
    act_as(clone, "ann@example.test")

    with Load(url) as load:
        assert clone.make("up").status == 0

    after = clone.outputs()
    assert after["image"] != before["image"]
    assert after["release"] > before["release"]
    assert load.sent > 0
    assert load.failures == []
    assert "  by       ann@example.test on " in clone.make("status").output
    act_as(clone, "grace@example.test")
    unchanged = clone.shell("pulumi preview --stack local --expect-no-changes")
    assert unchanged.status == 0, "another person alone is a change"


@pytest.mark.usefixtures("pristine")
def test_an_image_that_dies_leaves_the_old_one_serving_and_up_red(clone: Clone, url: str) -> None:
    before = clone.outputs()
    # not a module that the program reads for its check of the configuration
    clone.append("service/auth/server.py", 'raise RuntimeError("broken on purpose")')

    with Load(url) as load:
        up = clone.make("up")

    assert up.status != 0
    assert "broken on purpose" in up.output, "the new container's last words are not shown"
    assert load.sent > 0
    assert load.failures == []
    status = json.loads(clone.make("status", "JSON=1").output.splitlines()[-1])
    assert status["live"]["image"] == before["image"]
    assert status["running"] is True


def test_accounts_outlive_releases(clone: Clone, url: str) -> None:
    sign_in(url, "grace@example.test")
    clone.append(SOURCE, 'CHANGED = "again"')
    try:
        assert clone.make("up").status == 0
        credentials = {"email": "grace@example.test", "password": PASSWORD}
        answer = httpx.post(f"{url}/v1/auth/login", json=credentials, timeout=30)
        assert answer.status_code == httpx.codes.OK
    finally:
        clone.run("git", "checkout", "--quiet", ".")


def test_another_size_reboots_the_vm_as_its_preview_says_and_the_release_comes_back(
    clone: Clone,
) -> None:
    server = Server.of(clone)
    instance, boot = server.instance, server.must(*BOOTED)
    assert clone.shell("pulumi config set auth:memoryInGbs 3").status == 0

    preview = clone.make("preview")
    assert "The VM reboots for its new size" in preview.output
    resized = clone.make("up")

    assert resized.status == 0, resized.output
    assert server.instance == instance, "the VM was replaced"
    assert server.cloud.compute.get_instance(instance).data.shape_config.memory_in_gbs == 3
    assert server.must(*BOOTED) != boot
    eventually("the release", lambda: server.status()["problem"], None, seconds=60)


def test_a_new_vm_has_another_image_with_the_address_and_the_accounts(
    clone: Clone, url: str
) -> None:
    sign_in(url, "edith@example.test")
    server = Server.of(clone)
    former = server.cloud.compute.get_instance(server.instance).data.image_id
    images = server.cloud.compute.list_images(server.cloud.compartment).data
    other = next(image.id for image in images if image.id != former)
    assert clone.shell(f"pulumi config set auth:imageOcid {other}").status == 0

    unagreed = clone.make("new-vm")
    replaced = clone.make("new-vm", "CONFIRM=local")
    assert clone.shell("pulumi config rm auth:imageOcid").status == 0

    assert "make new-vm STACK=local CONFIRM=local" in unagreed.output
    assert replaced.status == 0, replaced.output
    assert server.cloud.compute.get_instance(server.instance).data.image_id == other
    assert clone.outputs()["url"] == url
    credentials = {"email": "edith@example.test", "password": PASSWORD}
    answer = httpx.post(f"{url}/v1/auth/login", json=credentials, timeout=30)
    assert answer.status_code == httpx.codes.OK, answer.text
    assert clone.shell("pulumi preview --expect-no-changes").status == 0


def secrets_of(clone: Clone) -> dict[str, str]:
    """Return the stack's secrets by name, each as the piece of text to hunt for."""
    home = clone.path / ".local"
    secrets = {"passphrase": (home / "secrets" / "passphrase").read_text().strip()}
    for key in (
        "signingKey",
        "sshPrivateKey",
        "sshHostKey",
        "backupSecretKey",
        "metricsPrivateKey",
        *REGISTRY_PASSWORDS,
    ):
        result = clone.shell(f"pulumi config get --stack local auth:{key}")
        assert result.status == 0, result.output
        lines = [line for line in result.output.splitlines() if line and "-----" not in line]
        # The first line is the same for all keys of a kind, and the last line is short: of the
        # longest lines the last can't be there by chance.
        secrets[key] = max(reversed(lines), key=len)
    return secrets


def test_no_secret_is_in_the_state_on_the_server_or_in_what_up_prints(clone: Clone) -> None:
    state = clone.path / ".local" / "state"
    places = {
        "the state": "\n".join(
            path.read_text(errors="replace") for path in state.rglob("*") if path.is_file()
        ),
        "docker inspect": clone.on_server("sudo sh -c 'docker inspect $(docker ps -aq)'").output,
        "the server's processes": clone.on_server("ps", "-eo", "args").output,
        "the server's journal": clone.on_server("sudo", "journalctl", "--no-pager").output,
        "the output of a preview": clone.make("preview").output,
        "the output of up": clone.make("up").output,
    }

    for name, secret in secrets_of(clone).items():
        for place, text in places.items():
            assert len(text) > 10, f"nothing was read from {place}"
            assert secret not in text, f"{name} is in {place}"


def test_secrets_on_disk_are_readable_by_their_owner_alone(clone: Clone) -> None:
    for path in (clone.path / ".local" / "secrets").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_work_tree_stays_clean(clone: Clone) -> None:
    assert clone.run("git", "status", "--porcelain").output == ""


def test_a_bigger_data_volume_reaches_the_vm_and_a_smaller_one_is_refused(clone: Clone) -> None:
    def resized(gbs: int, command: str) -> Result:
        assert clone.shell(f"pulumi config set auth:dataVolumeInGbs {gbs}").status == 0
        return clone.make(command)

    grown = resized(60, "up")
    refused = resized(50, "preview")
    assert clone.shell("pulumi config set auth:dataVolumeInGbs 60").status == 0

    if grown.status != 0:
        # a host may keep CAP_SYS_RESOURCE from its containers, without which ext4 grows unmounted
        assert "resize2fs: Permission denied" in grown.output
        assert "reboot the VM; then: make up" in grown.output
        Server.of(clone).reboot()
        assert clone.make("up").status == 0
    size = clone.on_server("df", "--output=size", "--block-size=1G", "/srv/auth").output.split()
    assert size[-1] == "59", "60 GB minus the file system's own part"
    assert refused.status != 0
    assert "the data volume has 60 GB, and Oracle's volumes only grow" in refused.output


def test_a_data_volume_that_somebody_deleted_takes_the_service_alone_and_is_made_anew(
    clone: Clone, url: str
) -> None:
    server = Server.of(clone)
    server.delete_volumes()
    server.reboot()

    eventually("docker", lambda: server.run("sudo", "docker", "info").status, 0, seconds=60)
    status = clone.make("status").output
    assert "does not run" in status, "the service runs without its data"
    assert "the data volume is not attached" in status
    assert server.run("sudo", "touch", "/srv/auth/file").status != 0, "this is the boot disk"

    assert clone.make("up", "REFRESH=1").status == 0

    sign_in(url, "mary@example.test")
    status = clone.make("status").output
    assert "is live and runs" in status
    assert "differs" not in status


def test_the_cost_has_the_vm_its_disk_and_the_data_volume(clone: Clone) -> None:
    printed = clone.make("cost", "JSON=1")

    assert printed.status == 0
    bill = json.loads(printed.output)
    priced = {line["resource"] for line in bill["lines"] if line["month"] is not None}
    assert {"auth-vm", "auth-vm, its disk", "auth-data"} <= priced
    assert float(bill["list"]) > float(bill["month"]), "Always Free takes something off"
