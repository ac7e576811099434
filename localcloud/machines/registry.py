"""The registry in GHCR's place: a real registry, with a login for pushes and a read-only login."""

import json
import secrets
import time
import urllib.error
import urllib.request

from common import files
from localcloud.machines.bridge import READERS_REGISTRY_HOST, REGISTRY_HOST, Bridge
from localcloud.machines.docker import DockerError, Present, docker
from localcloud.state.home import Home

USERNAME, PULL_USERNAME = "deployer", "server"  # the builder's, and the machines'
_READY_SECONDS = 30
_CONFIGURATION = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
{maintenance}\
http:
  addr: :5000
  secret: {secret}
auth:
  htpasswd:
    realm: localcloud
    path: /registry/{users}
"""
_READ_ONLY = """\
  maintenance:
    readonly:
      enabled: true
    uploadpurging:
      enabled: false
"""
_WRITERS, _READERS = "htpasswd", "htpasswd-readers"
# by stdin: arguments can be read by everybody on this machine
_HASH = 'for user; do read -r word; printf %s "$word" | htpasswd -niB "$user"; done'


class Registry:
    """Two `docker-registry` containers on the same store of images, a volume; logins in the home.

    A login of htpasswd has no permissions. So the container that this computer reaches takes the
    builder alone. The container that machines reach, under the same address, takes both logins and
    no pushes.
    """

    def __init__(self, home: Home, bridge: Bridge) -> None:
        self._home, self._bridge = home, bridge
        self._name = f"{home.prefix}registry"
        self._readers_name = f"{home.prefix}registry-readers"
        self._folder = home.path / "registry"
        self.password_file = self._folder / "password"
        self.pull_password_file = self._folder / "pull-password"

    @property
    def names(self) -> tuple[str, str]:
        """Return the names of the containers."""
        return self._name, self._readers_name

    def ensure(self, image: str, present: Present) -> None:
        """Start both registries, unless they run, and wait until they answer."""
        if not all(name in present and present[name]["State"]["Running"] for name in self.names):
            for name in self.names:
                if name in present:
                    docker("rm", "--force", name)
            self._write_configuration(image)
            publish = ("--publish", f"{self._home.registry}:5000")
            self._run(image, self._name, REGISTRY_HOST, "config.yml", *publish)
            alias = ("--network-alias", "registry")
            self._run(image, self._readers_name, READERS_REGISTRY_HOST, "readers.yml", *alias)
        self._wait_until_ready()

    def forget_images(self) -> None:
        """Remove the images that were pushed here from this computer's Docker."""
        ids = docker("images", "--quiet", "--filter", f"reference={self._home.registry}/*/*")
        images = json.loads(docker("image", "inspect", *set(ids.split()))) if ids else []
        # by name: another home may have pushed the very same image to a registry of its own
        names = [name for image in images for name in (*image["RepoTags"], *image["RepoDigests"])]
        ours = [name for name in names if name.startswith(f"{self._home.registry}/")]
        if ours:
            docker("rmi", "--force", *ours)

    def _run(self, image: str, name: str, host: int, configuration: str, *flags: str) -> None:
        store = f"source={self._name},target=/var/lib/registry,volume-label={self._home.label}"
        docker(
            *("run", "--detach", "--init", "--name", name),
            *("--label", self._home.label, "--restart", "unless-stopped"),
            *("--network", self._bridge.name, "--ip", str(self._bridge.subnet[host])),
            *("--mount", store, "--volume", f"{self._folder}:/registry:ro"),
            *flags,
            *(image, "docker-registry", "serve", f"/registry/{configuration}"),
        )

    def _write_configuration(self, image: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        logins = {USERNAME: self.password_file, PULL_USERNAME: self.pull_password_file}
        for file in logins.values():
            if not file.exists():
                files.write(file, secrets.token_urlsafe(24).encode())
        hashed = docker(
            *("run", "--rm", "--network", "none", "--interactive"),
            *(image, "sh", "-c", _HASH, "hash", *logins),
            stdin="".join(f"{file.read_text()}\n" for file in logins.values()).encode(),
        )
        lines = {line.partition(":")[0]: line for line in hashed.splitlines() if line}
        secret = secrets.token_hex(16)
        for name, text in {
            _WRITERS: f"{lines[USERNAME]}\n",
            _READERS: f"{lines[USERNAME]}\n{lines[PULL_USERNAME]}\n",
            "config.yml": _CONFIGURATION.format(secret=secret, users=_WRITERS, maintenance=""),
            "readers.yml": _CONFIGURATION.format(
                secret=secret, users=_READERS, maintenance=_READ_ONLY
            ),
        }.items():
            files.write(self._folder / name, text.encode())

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        last_answer = ""
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://{self._home.registry}/v2/", timeout=5):
                    return
            except urllib.error.HTTPError as error:
                if error.code == 401:  # noqa: PLR2004 - it wants a login: it is up
                    return
                last_answer = f"HTTP {error.code}"
            except OSError as error:
                last_answer = str(error)
            time.sleep(0.1)
        raise DockerError(
            f"The registry did not answer within {_READY_SECONDS} s ({last_answer}). "
            f"Its log: docker logs {self._name}"
        )
