"""The registry in GHCR's place: a real one, with a login."""

import json
import secrets
import time
import urllib.error
import urllib.request
from pathlib import Path

from localcloud.docker import DockerError, docker, inspect
from localcloud.home import Home
from localcloud.plumbing import REGISTRY_HOST, Bridge

# who pushes, and who pulls; htpasswd knows no permissions, so the second may do as much here
USERNAME, PULL_USERNAME = "deployer", "server"
_READY_SECONDS = 30
_CONFIGURATION = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
http:
  addr: :5000
  secret: {secret}
auth:
  htpasswd:
    realm: localcloud
    path: /registry/htpasswd
"""


class Registry:
    """A `docker-registry` in a container; its images live in a volume, its logins in the home."""

    def __init__(self, home: Home, bridge: Bridge) -> None:
        self._home, self._bridge = home, bridge
        self._name = f"{home.prefix}registry"
        self._folder = home.path / "registry"
        self.password_file = self._folder / "password"
        self.pull_password_file = self._folder / "pull-password"

    def ensure(self, image: str) -> None:
        self._write_configuration()
        # the registry reads the file again when it changes
        for username, file in (
            (USERNAME, self.password_file),
            (PULL_USERNAME, self.pull_password_file),
        ):
            if not file.exists():
                self._add_user(username, file, image)
        found = inspect(self._name)
        if not (found and found["State"]["Running"]):
            if found:
                docker("rm", "--force", self._name)
            docker(
                *("run", "--detach", "--init", "--name", self._name),
                *("--label", self._home.label, "--restart", "unless-stopped"),
                *("--network", self._bridge.name, "--network-alias", "registry"),
                *("--ip", str(self._bridge.subnet[REGISTRY_HOST])),
                *("--publish", f"{self._home.registry}:5000"),
                *(
                    "--mount",
                    f"source={self._name},target=/var/lib/registry,volume-label={self._home.label}",
                ),
                *("--volume", f"{self._folder}:/registry:ro"),
                *(image, "docker-registry", "serve", "/registry/config.yml"),
            )
        self._wait_until_ready()

    def forget_images(self) -> None:
        """Take away what this machine's Docker holds of the images that were pushed here."""
        ids = docker("images", "--quiet", "--filter", f"reference={self._home.registry}/*/*")
        told = json.loads(docker("image", "inspect", *set(ids.split()))) if ids else []
        # by name: another home may have pushed the very same image to a registry of its own
        names = [name for image in told for name in (*image["RepoTags"], *image["RepoDigests"])]
        ours = [name for name in names if name.startswith(f"{self._home.registry}/")]
        if ours:
            docker("rmi", "--force", *ours)

    def _write_configuration(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self._folder / "config.yml").exists():
            text = _CONFIGURATION.format(secret=secrets.token_hex(16))
            self._write("config.yml", text)

    def _add_user(self, username: str, password_file: Path, image: str) -> None:
        password = secrets.token_urlsafe(24)
        hashed = docker(
            *("run", "--rm", "--network", "none", "--interactive"),
            # by stdin: arguments can be read by everybody on this machine
            *(image, "htpasswd", "-niB", username),
            stdin=password.encode(),
        )
        users = self._folder / "htpasswd"
        lines = users.read_text().splitlines() if users.exists() else []
        others = [line for line in lines if not line.startswith(f"{username}:")]
        self._write(users.name, "\n".join([*others, hashed.strip(), ""]))
        # the file says that the user is there
        self._write(password_file.name, password)

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        seen = ""
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://{self._home.registry}/v2/", timeout=5):
                    return
            except urllib.error.HTTPError as error:
                if error.code == 401:  # noqa: PLR2004 - it wants a login: it is up
                    return
                seen = f"HTTP {error.code}"
            except OSError as error:
                seen = str(error)
            time.sleep(0.1)
        raise DockerError(
            f"The registry did not answer within {_READY_SECONDS} s ({seen}). "
            f"Its log: docker logs {self._name}"
        )
