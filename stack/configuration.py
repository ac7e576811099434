"""The configuration of a stack: its values, and the keys that are made for it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.shapes import platform_of
from stack import secrets
from stack.pulumi import Pulumi


def in_file(file: Path) -> dict[str, Any]:
    """Return the values that a stack's file has, secrets encrypted; none without a file."""
    if not file.exists():
        return {}
    return dict((yaml.safe_load(file.read_text()) or {}).get("config") or {})


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The configuration in `file`, changed by the Pulumi CLI, which encrypts its secrets."""

    file: Path
    pulumi: Pulumi

    def values(self) -> dict[str, str]:
        """Return the whole configuration, `namespace:key` to text, secrets in the clear."""
        return {key: str(entry.get("value", "")) for key, entry in self._entries().items()}

    def secret_values(self) -> list[str]:
        """Return the secrets in the clear, to keep them out of a text."""
        entries = self._entries().values()
        return [str(entry.get("value", "")) for entry in entries if entry.get("secret")]

    def copy_from(self, source: str) -> None:
        """Copy the keys and values of the stack `source`, unless there are some already."""
        if not self.names():
            self.pulumi.run("config", "cp", "--stack", source, "--dest", self.pulumi.stack)

    def platform(self) -> str:
        """Return the platform of the stack's image, such as linux/arm64, by the VM's shape."""
        schema = yaml.safe_load((self.pulumi.clone / "Pulumi.yaml").read_text())["config"]
        return platform_of(str(self.written().get("auth:shape", schema["shape"]["default"])))

    def set_value(self, key: str, value: str) -> None:
        self.pulumi.run("config", "set", "--path", key, value)

    def set_text(self, name: str, text: str) -> None:
        """Set the value of `namespace:key` to a text that may have lines."""
        self.pulumi.run("config", "set", name, stdin=text)

    def set_list(self, key: str, items: Sequence[str]) -> None:
        """Set a list, in the place of a list that is there."""
        if key in self.names():
            self.unset_value(key)
        for index, item in enumerate(items):
            self.set_value(f"{key}[{index}]", item)

    def unset_value(self, key: str) -> None:
        self.pulumi.run("config", "rm", key)

    def set_secret(self, key: str, value: str) -> None:
        """Encrypt the value of `auth:key`, or of a key with a namespace of its own.

        A dot in the key leads into an object.
        """
        name = key if ":" in key else f"auth:{key}"
        path = ["--path"] if "." in key else []
        # by stdin: an argument could be read by every user of the machine
        self.pulumi.run("config", "set", "--secret", *path, name, stdin=value)

    def make_keys(self) -> None:
        """Make the keys that the stack does not have yet, straight into its configuration."""
        present = self.names()
        makers = {
            "sshPrivateKey": secrets.ssh_key,
            "sshHostKey": secrets.ssh_key,
            "signingKey": secrets.signing_key,
            "databasePassword": secrets.database_password,
        }
        for key, make in makers.items():
            if f"auth:{key}" not in present:
                self.set_secret(key, make())

    def registry_login(self) -> str:
        """Return the server's login to the registry, in JSON for the release tool's stdin."""
        values = self.values()
        username = values.get("auth:registryPullUsername") or values.get("auth:registryUsername")
        login = {
            "server": values.get("auth:imageRepository", "").partition("/")[0],
            "username": username or "",
            "password": values.get("auth:registryPullPassword", ""),
        }
        return json.dumps(login)

    def _entries(self) -> dict[str, dict[str, Any]]:
        return dict(json.loads(self.pulumi.read("config", "--json", "--show-secrets")))

    def names(self) -> set[str]:
        """Return the names of the values, `namespace:key`, without a run of the CLI."""
        return set(self.written())

    def written(self) -> dict[str, Any]:
        """Return the values as the file has them, secrets encrypted, without a run of the CLI."""
        return in_file(self.file)
