"""The local stack's configuration: committed values, this machine's values, a person's values."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import platform
from stack import dashboard_image
from stack.local_stack import complete_local, needs_authority, on_cluster
from stack.stack import Stack
from toolchain import victoria_metrics

SECRETS = (
    *("sshPrivateKey", "sshHostKey", "signingKey", "databasePassword"),
    *("registryPassword", "registryPullPassword", "backupSecretKey", "metricsPrivateKey"),
)


@pytest.fixture(name="stack")
def _stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack that exists and has its secrets."""
    monkeypatch.setattr(Stack, "create", lambda _: None)
    (tmp_path / ".local").mkdir()
    commit(tmp_path, {"auth:memoryInGbs": 2, "auth:protect": False, "auth:serviceSettings": {}})
    stack = Stack(name="local", clone=tmp_path, env={})
    secure = {f"auth:{name}": {"secure": "v1:…"} for name in SECRETS}
    stack.configuration.file.write_text(yaml.safe_dump({"config": secure}))
    complete_local(stack, cloud(tmp_path))
    return stack


def commit(clone: Path, values: dict[str, Any]) -> None:
    (clone / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": values}))


def cloud(clone: Path, shape: str = "VM.Standard.E4.Flex") -> dict[str, Any]:
    (clone / "password").write_text("a password\n")
    names = ("region", "tenancy_ocid", "user_ocid", "fingerprint", "private_key_file")
    return {
        **dict.fromkeys((*names, "compartment_ocid"), "known by the machine"),
        "shape": shape,
        "registry": {
            "server": "127.0.0.1:5000",
            "username": "auth",
            "pull_username": "pull",
            "password_file": str(clone / "password"),
            "pull_password_file": str(clone / "password"),
        },
        "backup": {
            "endpoint": "http://127.0.0.1:7000/s3",
            "bucket": "auth-backup",
            "access_key": "key",
            "secret_key_file": str(clone / "password"),
        },
        "metrics": {
            "endpoint": "http://127.0.0.1:7000",
            "user_ocid": "known by the machine",
            "key_file": str(clone / "password"),
        },
        "log": {"ocid": "known by the machine", "endpoint": "http://127.0.0.1:7000"},
        "docker_bases": {"base": "base", "builder": "builder"},
    }


def without_secrets(clone: Path) -> dict[str, Any]:
    """Return a cloud whose files of a server's secrets are not there, so that no CLI sets them."""
    whole = cloud(clone)
    backup = {**whole["backup"], "secret_key_file": "none"}
    return {**whole, "backup": backup, "metrics": {**whole["metrics"], "key_file": "none"}}


def configured(stack: Stack) -> dict[str, Any]:
    return dict(yaml.safe_load(stack.configuration.file.read_text())["config"])


def set_value(stack: Stack, key: str, value: Any) -> None:
    """Write the file as the CLI does, with each number and truth value as text."""
    values = configured(stack)
    texts = {k: str(v).lower() if isinstance(v, bool | int) else v for k, v in values.items()}
    stack.configuration.file.write_text(yaml.safe_dump({"config": {**texts, key: value}}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auth:memoryInGbs", "3"),
        ("auth:serviceSettings", {"AUTH_SMTP_HOST": "mail.example.test"}),
        ("auth:shape", "VM.Standard.A1.Flex"),
        ("auth:canaryPercent", "10"),
    ],
)
def test_a_value_that_a_person_sets_stays(stack: Stack, key: str, value: Any) -> None:
    set_value(stack, key, value)

    for _ in range(2):
        complete_local(stack, cloud(stack.clone))

    assert configured(stack)[key] == value


def test_a_value_that_nobody_set_follows_the_committed_file_and_the_machine(stack: Stack) -> None:
    set_value(stack, "auth:canaryPercent", "10")  # the CLI writes all of them again
    commit(stack.clone, {"auth:memoryInGbs": 4, "auth:protect": True})

    complete_local(stack, cloud(stack.clone, shape="VM.Standard.A1.Flex"))

    values = configured(stack)
    assert values["auth:memoryInGbs"] == 4
    assert values["auth:protect"] is True
    assert values["auth:shape"] == "VM.Standard.A1.Flex"
    assert "auth:serviceSettings" not in values, "it was taken out of the committed file"


def test_https_takes_the_certificate_authority_of_the_local_cloud(stack: Stack) -> None:
    set_value(stack, "auth:allowPlainHttp", "true")
    assert not needs_authority(stack)
    set_value(stack, "auth:allowPlainHttp", "false")
    assert needs_authority(stack)
    file = stack.clone / "directory.pem"
    file.write_text("a certificate\n")
    authority = {"directory": "https://192.0.2.1/dir", "directory_roots_file": str(file)}

    complete_local(stack, {**cloud(stack.clone), "authority": authority})

    values = configured(stack)
    assert values["auth:acmeDirectory"] == "https://192.0.2.1/dir"
    assert values["auth:acmeRoots"] == "a certificate\n"


def test_a_ca_that_a_person_names_stays(stack: Stack) -> None:
    set_value(stack, "auth:acmeDirectory", "https://ca.example.test/dir")

    assert not needs_authority(stack)


def test_what_a_person_removes_is_as_it_is_committed_again(stack: Stack) -> None:
    set_value(stack, "auth:memoryInGbs", "3")
    complete_local(stack, cloud(stack.clone))
    values = {key: value for key, value in configured(stack).items() if key != "auth:memoryInGbs"}
    stack.configuration.file.write_text(yaml.safe_dump({"config": values}))

    complete_local(stack, cloud(stack.clone))

    assert configured(stack)["auth:memoryInGbs"] == 2


def test_a_stack_of_an_earlier_release_takes_the_committed_values_and_keeps_others(
    stack: Stack,
) -> None:
    set_value(stack, "auth:memoryInGbs", "3")
    set_value(stack, "auth:canaryPercent", "10")
    stack.configuration.file.with_name("written.json").unlink()

    complete_local(stack, cloud(stack.clone))

    assert configured(stack)["auth:memoryInGbs"] == 2
    assert configured(stack)["auth:canaryPercent"] == "10"


def test_a_second_local_stack_has_the_values_of_the_first_and_its_own_over_them(
    stack: Stack,
) -> None:
    own = {"auth:memoryInGbs": 1, "auth:imageDigest": "sha256:0"}
    (stack.clone / "Pulumi.local-prod.yaml").write_text(yaml.safe_dump({"config": own}))
    second = Stack(name="local-prod", clone=stack.clone, env={})
    second.configuration.file.parent.mkdir(parents=True)
    text = stack.configuration.file.read_text()
    second.configuration.file.write_text(text)  # with secrets

    complete_local(second, cloud(stack.clone))

    values = configured(second)
    assert (values["auth:memoryInGbs"], values["auth:imageDigest"]) == (1, "sha256:0")
    assert values["auth:protect"] is False
    assert stack.configuration.file.read_text() == text, "it is of the first stack"


def test_an_image_of_the_metrics_store_is_made_only_for_a_stack_with_a_dashboard(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = f"127.0.0.1:5000/auth/victoria-metrics@sha256:{'0' * 64}"
    monkeypatch.setattr(dashboard_image, "ensure", lambda *_: image)
    commit(stack.clone, {"auth:dashboard": False})
    complete_local(stack, cloud(stack.clone))
    assert "auth:dashboardImage" not in configured(stack)

    set_value(stack, "auth:dashboard", "true")
    complete_local(stack, cloud(stack.clone))
    assert configured(stack)["auth:dashboardImage"] == image

    set_value(stack, "auth:dashboard", "false")
    complete_local(stack, cloud(stack.clone))
    assert "auth:dashboardImage" not in configured(stack)


def test_a_dashboard_that_the_committed_file_turns_on_has_its_image_at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard_image, "ensure", lambda *_: "image")
    commit(stack.clone, {"auth:dashboard": False})
    complete_local(stack, cloud(stack.clone))
    commit(stack.clone, {"auth:dashboard": True})

    complete_local(stack, cloud(stack.clone))

    assert configured(stack)["auth:dashboardImage"] == "image"


def test_an_image_of_the_metrics_store_that_a_person_names_is_taken_and_none_is_made(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard_image, "ensure", lambda *_: pytest.fail("it compiles a program"))
    set_value(stack, "auth:dashboard", "true")
    set_value(stack, "auth:dashboardImage", "registry.test/metrics@sha256:0")

    complete_local(stack, cloud(stack.clone))

    assert configured(stack)["auth:dashboardImage"] == "registry.test/metrics@sha256:0"


def test_another_registry_gets_the_image_of_the_metrics_store_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[str] = []

    def push(_: Path, name: str, __: object) -> str:
        pushed.append(name)
        return "sha256:0"

    monkeypatch.setattr(victoria_metrics, "version", lambda _: "v1")
    monkeypatch.setattr(victoria_metrics, "ensure", lambda _: tmp_path / "program")
    monkeypatch.setattr(dashboard_image, "_push", push)
    images = []
    for folder in ("registry", "registry", "another"):
        registry = {
            "server": "127.0.0.1:5000",
            "password_file": str(tmp_path / folder / "password"),
        }
        images.append(dashboard_image.ensure(tmp_path, registry))

    assert images == ["127.0.0.1:5000/auth/victoria-metrics@sha256:0"] * 3
    assert len(pushed) == 2, "once for each registry"


def test_a_cluster_gets_no_value_of_a_server(stack: Stack) -> None:
    assert "auth:backupBucket" in configured(stack)
    assert not on_cluster(stack)
    set_value(stack, "auth:platform", "cluster")

    complete_local(stack, cloud(stack.clone))

    refused = {f"auth:{key}" for key in platform.OF_SERVER}
    assert not refused & {*configured(stack)}, "the program would refuse them"
    assert on_cluster(stack)
    set_value(stack, "auth:platform", "server")
    complete_local(stack, without_secrets(stack.clone))
    assert "auth:backupBucket" in configured(stack)


def test_the_committed_file_may_name_the_platform(stack: Stack) -> None:
    commit(stack.clone, {"auth:platform": "cluster"})

    complete_local(stack, cloud(stack.clone))

    assert "auth:backupBucket" not in configured(stack)
