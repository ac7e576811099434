"""A local stack's configuration, completed with the values of this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from common import files
from stack import dashboard_image
from stack.configuration import in_file
from stack.names import LOCAL
from stack.stack import Stack

_PLATFORM, _CLUSTER = "auth:platform", "cluster"
_VERSION = 1  # of the file with the values that were written


def complete_local(stack: Stack, cloud: Mapping[str, Any]) -> None:
    """Write a local stack's configuration: the committed values and those of this machine.

    `cloud` is the output of `python -m localcloud describe`. Secrets in the file stay. A value of
    `pulumi config set` stays too: it differs from the value that was written here last.
    `pulumi config rm` leads back to the committed value.
    """
    stack.make()
    committed = _committed(stack)
    before: dict[str, Any] = {}
    if stack.configuration.file.exists():
        before = yaml.safe_load(stack.configuration.file.read_text()) or {}
    registry = cloud["registry"]
    written = _Written.read(stack.configuration.file.with_name("written.json"))
    present = before.get("config") or {}
    platforms = present if written.is_own(_PLATFORM, present) else committed
    is_cluster = platforms.get(_PLATFORM) == _CLUSTER
    added = {
        "oci:region": cloud["region"],
        "oci:tenancyOcid": cloud["tenancy_ocid"],
        "oci:userOcid": cloud["user_ocid"],
        "oci:fingerprint": cloud["fingerprint"],
        "oci:privateKeyPath": cloud["private_key_file"],
        "auth:compartmentOcid": cloud["compartment_ocid"],
        "auth:shape": cloud["shape"],
        "auth:imageRepository": f"{registry['server']}/auth/auth-service",
        "auth:registryUsername": registry["username"],
        "auth:registryPullUsername": registry["pull_username"],
        **({} if is_cluster else _of_server(cloud)),
        "auth:baseImage": cloud["docker_bases"]["base"],
        "auth:builderImage": cloud["docker_bases"]["builder"],
    }
    if authority := cloud.get("authority"):
        added |= {
            "auth:acmeDirectory": authority["directory"],
            "auth:acmeRoots": Path(authority["directory_roots_file"]).read_text(),
        }
    known = {**committed, **added}
    own = written.own(present, known)
    is_own_image = "auth:dashboardImage" in own
    if _as_text({**known, **own}.get("auth:dashboard")) == "true" and not is_own_image:
        known["auth:dashboardImage"] = dashboard_image.ensure(stack.clone, registry)
    if is_cluster:
        own = {key: value for key, value in own.items() if key not in _SECRETS_OF_SERVER}
    document = {**before, "config": {**known, **own}}
    text = yaml.safe_dump(document, sort_keys=False)
    if not stack.configuration.file.exists() or stack.configuration.file.read_text() != text:
        files.write(stack.configuration.file, text)
    written.replace(known)
    secrets = {
        "registryPassword": registry["password_file"],
        "registryPullPassword": registry["pull_password_file"],
        **({} if is_cluster else _secrets_of_server(cloud)),
    }
    for key, file in secrets.items():
        # a cloud of an earlier release has it from the next `make up` on
        if f"auth:{key}" not in own and Path(file).exists():
            stack.configuration.set_secret(key, Path(file).read_text().strip())


def _of_server(cloud: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that only a server uses; a cluster refuses them."""
    backup, metrics, log = cloud["backup"], cloud["metrics"], cloud["log"]
    return {
        "auth:backupBucket": backup["bucket"],
        "auth:backupEndpoint": backup["endpoint"],
        "auth:backupAccessKey": backup["access_key"],
        "auth:metricsEndpoint": metrics["endpoint"],
        "auth:metricsUserOcid": metrics["user_ocid"],
        "auth:logOcid": log["ocid"],
        "auth:logEndpoint": log["endpoint"],
    }


def _secrets_of_server(cloud: Mapping[str, Any]) -> dict[str, str]:
    backup, metrics = cloud["backup"], cloud["metrics"]
    return {"backupSecretKey": backup["secret_key_file"], "metricsPrivateKey": metrics["key_file"]}


_SECRETS_OF_SERVER = ("auth:backupSecretKey", "auth:metricsPrivateKey")


def on_cluster(stack: Stack) -> bool:
    """Check whether the stack is to have a cluster of its own cloud."""
    return bool(stack.configuration.written().get(_PLATFORM) == _CLUSTER)


def _committed(stack: Stack) -> dict[str, Any]:
    """Return the values of Pulumi.local.yaml, and over them those of the stack's own file."""
    values: dict[str, Any] = {}
    for name in dict.fromkeys((LOCAL, stack.name)):
        values |= in_file(stack.clone / f"Pulumi.{name}.yaml")
    return values


def needs_authority(stack: Stack) -> bool:
    """Check whether the stack is to serve HTTPS with certificates of its own cloud."""
    values = stack.configuration.written()
    if _as_text(values.get("auth:allowPlainHttp")) == "true":
        return False
    written = _Written.read(stack.configuration.file.with_name("written.json"))
    return not written.is_own("auth:acmeDirectory", values)


@dataclass(frozen=True)
class _Written:
    """The values that were written last. A person's values differ from them."""

    path: Path
    values: Mapping[str, Any] | None  # None: an earlier release wrote no such file

    @classmethod
    def read(cls, path: Path) -> "_Written":
        try:
            document = json.loads(path.read_text())
            return cls(path, dict(document["values"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls(path, None)

    def own(self, configured: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configured values that are secrets, or a person's."""
        return {key: value for key, value in configured.items() if self._is_own(key, value, known)}

    def is_own(self, key: str, configured: Mapping[str, Any]) -> bool:
        """Check whether a configured value is a person's."""
        return key in configured and self._is_own(key, configured[key], {})

    def replace(self, values: Mapping[str, Any]) -> None:
        if self.values != values:
            files.write(self.path, json.dumps({"version": _VERSION, "values": values}, indent=2))

    def _is_own(self, key: str, value: Any, known: Mapping[str, Any]) -> bool:
        if isinstance(value, dict) and "secure" in value:
            return True
        if self.values is None or key not in self.values:
            return key not in known
        return bool(_as_text(value) != _as_text(self.values[key]))


def _as_text(value: Any) -> Any:
    """Make every number and truth value text, as the CLI does when it writes the file."""
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
