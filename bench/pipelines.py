"""A one-line change from edit to serving, by three pipelines onto the same VM, under the same load.

The floor is a shell script: build, push, and over SSH pull, `rm -f`, run. Ansible does the same by
three tasks. Both publish the container straight at port 443; ours runs behind the proxy at port 80.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.table import Table
from tests.testbed.clone import Clone
from tests.testbed.load import Load
from tests.testbed.server import TOOL, Server

ANSIBLE = "ansible-core==2.19.14"
ROUNDS = 3
_PLAYBOOK = Path(__file__).parent / "ansible" / "playbook.yml"
_SOURCE = "service/auth/__init__.py"
_SECONDS = 600
# of the container that the two others run, on the VM
_VARIABLES = "/srv/bench.env"
_RUN = f"-p 443:8000 --env-file {_VARIABLES} -v /srv/bench:/data"


@dataclass(frozen=True)
class Round:
    seconds: float
    sent: int
    lost: int
    received: int  # bytes, by the VM's network interface


class Pipelines:
    def __init__(self, clone: Clone) -> None:
        self.clone, self.server = clone, Server.of(clone)
        described = clone.run(
            *(".venv/bin/python", "-m", "localcloud", "describe", "--home", ".local/cloud")
        )
        self._cloud = json.loads(described.output[described.output.index("{") :])
        self._registry = self._cloud["registry"]
        self._image = f"{self._registry['server']}/bench/auth"
        self._tag = 0
        shown = clone.shell("env -0").output
        self._environment = {
            **dict(pair.partition("=")[::2] for pair in shown.split("\0") if "=" in pair),
            "DOCKER_CONFIG": str(clone.path / ".local" / "bench-docker"),
        }

    def compare(self) -> Table:
        self._prepare()
        table = Table("a changed line, from edit to serving", ["seconds", "lost", "MB received"])
        pipelines: dict[str, tuple[Callable[[], None], str]] = {
            "shell: build, push, pull, rm, run": (self._floor, ":443"),
            "Ansible: build, push, pull, stop, run": (self._ansible, ":443"),
            "`pulumi up`": (self._pulumi, ""),
        }
        for deploy, _ in pipelines.values():  # whatever is only slow at first
            self._edit()
            deploy()
        rounds: dict[str, list[Round]] = {title: [] for title in pipelines}
        for _ in range(ROUNDS):
            for title, (deploy, port) in pipelines.items():
                rounds[title].append(self._measure(deploy, f"http://{self.server.address}{port}"))
                print(f"  {title}: {rounds[title][-1]}", file=sys.stderr, flush=True)
        for title, runs in rounds.items():
            sent, lost = sum(run.sent for run in runs), sum(run.lost for run in runs)
            table.add(
                title,
                f"{statistics.median(run.seconds for run in runs):.1f}",
                f"{lost} of {sent}",
                f"{statistics.median(run.received for run in runs) / 1e6:.1f}",
            )
        ours, ansible = (
            statistics.median(run.seconds for run in rounds[title])
            for title in ("`pulumi up`", "Ansible: build, push, pull, stop, run")
        )
        table.note(f"`pulumi up` takes {ours / ansible:.2f} times as long as Ansible.")
        return table

    def overhead(self) -> Table:
        """Compare one release on the VM with the two commands that it takes at the least."""
        table = Table("on the VM alone, the image is there", ["seconds"])
        health = {"path": "/readyz", "stable_seconds": 0, "interval_seconds": 0.05}
        ours, floor = [], []
        for number in range(ROUNDS):
            document = self.server.desired({"ROUND": str(number)}, health=health)
            ours.append(self._seconds(lambda text=document: self._apply(text)))  # type: ignore[misc]
            floor.append(self._seconds(self._restart))
        table.add("`docker rm -f`, `docker run`, until it answers", f"{min(floor):.1f}")
        table.add("`auth-release apply`, until the new one serves", f"{min(ours):.1f}")
        table.note(f"The release tool takes {min(ours) - min(floor):.1f} s more.")
        return table

    def image(self) -> Table:
        """Measure the service's image, as built by the pipelines above, against its base."""
        name, base = f"{self._image}:{self._tag - 1}", self._cloud["docker_bases"]["base"]
        asked = ["docker", "image", "inspect", "--format", "{{.Size}}", name, base]
        told = subprocess.run(asked, capture_output=True, text=True, check=True)
        whole, below = map(int, told.stdout.split())
        table = Table("the service's image", ["MB"])
        table.add("what it adds to its base", f"{(whole - below) / 1e6:.0f}")
        return table

    def _measure(self, deploy: Callable[[], None], url: str) -> Round:
        self._edit()
        before = self._received()
        with Load(url) as load:
            time.sleep(2)
            seconds = self._seconds(deploy)
            time.sleep(2)
        return Round(seconds, load.sent, len(load.failures), self._received() - before)

    @staticmethod
    def _seconds(work: Callable[[], None]) -> float:
        started = time.monotonic()
        work()
        return time.monotonic() - started

    def _prepare(self) -> None:
        password = Path(self._registry["password_file"]).read_text()
        login = ["login", "-u", self._registry["username"], "--password-stdin"]
        for command in (["docker"], ["sudo", "docker"]):
            words = [*command, *login, self._registry["server"]]
            if command == ["docker"]:
                self._shell(" ".join(words), stdin=password)
            else:
                self.server.must(*words, stdin=password)
        key = self.clone.shell("pulumi config get --stack local auth:signingKey").output
        self.server.must("sudo install -d -o 10001 -g 10001 /srv/bench")
        self.server.must("sudo install -m 400 -o 10001 /dev/stdin /srv/bench/key", stdin=key)
        environment = (
            f"AUTH_ISSUER=http://{self.server.address}\nAUTH_ENVIRONMENT=development\n"
            "AUTH_SIGNING_KEY_FILE=/data/key\n"
        )
        self.server.must(f"sudo sh -c 'cat > {_VARIABLES}'", stdin=environment)

    def _edit(self) -> None:
        source = self.clone.path / _SOURCE
        self._tag += 1
        source.write_text(f"{source.read_text()}\nCHANGED = {self._tag}\n")

    def _floor(self) -> None:
        image = self._build_and_push()
        self.server.must(
            f"sudo docker pull -q {image} && (sudo docker rm -f bench; sudo docker run -d "
            f"--name bench {_RUN} {image})"
        )
        self._wait(":443")

    def _ansible(self) -> None:
        image = self._build_and_push()
        folder = self.clone.path / ".local" / "ssh" / "local"
        options = f"-F none -o UserKnownHostsFile={folder / 'known_hosts'}"
        self._shell(
            f".venv/bin/python -m uv tool run --quiet --from {ANSIBLE} ansible-playbook "
            f"-i {self.server.address}, -u ubuntu --private-key {folder / 'key'} "
            f"--ssh-common-args '{options}' -e image={image} "
            f"-e 'run=\"{_RUN}\"' -e ansible_python_interpreter=/usr/bin/python3 {_PLAYBOOK}"
        )
        self._wait(":443")

    def _pulumi(self) -> None:
        up = self.clone.shell("pulumi up --yes --skip-preview --stack local", seconds=_SECONDS)
        if up.status != 0:
            raise SystemExit(up.output)

    def _build_and_push(self) -> str:
        image = f"{self._image}:{self._tag}"
        bases = self._cloud["docker_bases"]
        self._shell(
            f"docker build -q -t {image} --build-arg BASE={bases['base']} "
            f"--build-arg BUILDER={bases['builder']} service && docker push -q {image}"
        )
        return image

    def _apply(self, document: str) -> None:
        self.server.must(*TOOL, "apply", stdin=document)

    def _restart(self) -> None:
        self.server.must(
            "image=$(sudo docker inspect -f '{{.Config.Image}}' bench); "
            f"sudo docker rm -f bench; sudo docker run -d --name bench {_RUN} $image; "
            "until curl -sf 127.0.0.1:443/readyz; do sleep 0.05; done"
        )

    def _wait(self, port: str) -> None:
        self._shell(
            f"timeout 60 sh -c 'until curl -sf http://{self.server.address}{port}/readyz; "
            "do sleep 0.05; done'"
        )

    def _shell(self, script: str, stdin: str = "") -> None:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.clone.path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env=self._environment,
        )
        if done.returncode != 0:
            raise SystemExit(f"`{script}` failed:\n{done.stdout}{done.stderr}")

    def _received(self) -> int:
        return int(self.server.must("cat /sys/class/net/eth0/statistics/rx_bytes"))
