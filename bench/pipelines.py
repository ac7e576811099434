"""A changed line from edit to serving, by three pipelines onto the same VM, under the same load.

The least is a shell script: build, push, and over SSH pull, `rm -f`, run. Ansible does the same by
three tasks. Both publish the container at port 443; ours runs behind the proxy at port 80.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import changed_line
from bench.changed_line import Line, Round
from bench.table import Table
from bench.timing import Shell, ratio, seconds
from tests.testbed.clone import Clone
from tests.testbed.server import TOOL, Server

ANSIBLE = "ansible-core==2.19.14"
_PLAYBOOK = Path(__file__).parent / "ansible" / "playbook.yml"
_SHELL, _ANSIBLE, _PULUMI = "shell", "Ansible", "`pulumi up`"
# of the container of the two other pipelines, on the VM
_VARIABLES = "/srv/bench.env"
_RUN = f"-p 443:8000 --env-file {_VARIABLES} -v /srv/bench:/data"


@dataclass(frozen=True)
class Run:
    """A changed line by a pipeline, with the work on the VM."""

    round: Round
    tool: float  # of the command, the release tool's seconds
    received: int  # bytes


class Pipelines:
    """The three pipelines on the stack of a clone."""

    def __init__(self, clone: Clone, *, rounds: int) -> None:
        self._rounds = rounds
        self.clone, self.server = clone, Server.of(clone)
        description = clone.run(
            *(".venv/bin/python", "-m", "localcloud", "describe", "--home", ".local/cloud")
        )
        self._cloud = json.loads(description.output[description.output.index("{") :])
        self._registry = self._cloud["registry"]
        self._image = f"{self._registry['server']}/bench/auth"
        self._line = Line(clone)
        self._program = Shell(clone)

    def compare(self, medians: dict[str, float]) -> Table:
        self._prepare()
        table = Table(
            "a changed line, from its edit",
            [
                *("serving, s", "x Ansible", "command ends, s", "x Ansible"),
                *("of it the release tool, s", "lost", "MB received"),
            ],
        )
        pipelines: dict[str, tuple[Callable[[], None], str]] = {
            _SHELL: (self._shell_script, ":443"),
            _ANSIBLE: (self._ansible, ":443"),
            _PULUMI: (self._pulumi, ""),
        }
        for deploy, _ in pipelines.values():  # the first run fills caches
            self._line.edit()
            deploy()
        rounds: dict[str, list[Run]] = {title: [] for title in pipelines}
        for _ in range(self._rounds):
            for title, (deploy, port) in pipelines.items():
                rounds[title].append(self._measure(deploy, f"http://{self.server.address}{port}"))
                print(f"  {title}: {rounds[title][-1]}", file=sys.stderr, flush=True)
        for title, runs in rounds.items():
            cells = []
            for measure in ("serving", "command"):
                times, ansible = (
                    [getattr(run.round, measure) for run in rounds[pipeline]]
                    for pipeline in (title, _ANSIBLE)
                )
                name = f"{title}, changed line, {measure}"
                medians[name], medians[f"{name}, x"] = (
                    statistics.median(times),
                    ratio(times, ansible),
                )
                cells += [f"{medians[name]:.1f}", f"{medians[f'{name}, x']:.2f}"]
            tool = statistics.median(run.tool for run in runs)
            table.add(
                title,
                *cells,
                f"{tool:.1f}" if tool else "",
                changed_line.lost([run.round for run in runs]),
                f"{statistics.median(run.received for run in runs) / 1e6:.1f}",
            )
        return table

    def overhead(self, medians: dict[str, float]) -> Table:
        """Compare a release on the VM with the two commands that it needs at least.

        Its health gate takes three successes in a row, 0.05 s apart; the commands end at the first.
        """
        table = Table("on the VM alone, the image is pulled", ["seconds"])
        # no watch: a round would wait for the end of the watch before it
        health = {
            "path": "/readyz",
            "stable_seconds": 0,
            "interval_seconds": 0.05,
            "watch_seconds": 0,
        }
        ours, least = [], []
        for number in range(self._rounds):
            document = self.server.desired({"ROUND": str(number)}, health=health)
            ours.append(seconds(lambda text=document: self._apply(text)))  # type: ignore[misc]
            least.append(seconds(self._restart))
        table.add(
            "`docker rm -f`, `docker run`, until it answers", f"{statistics.median(least):.1f}"
        )
        table.add(
            "`auth-release apply`, until the new release serves", f"{statistics.median(ours):.1f}"
        )
        medians["release on the VM, x"] = ratio(ours, least)
        table.note(f"The release tool takes {ratio(ours, least):.2f} times as long.")
        return table

    def image(self) -> Table:
        """Measure the service's image, as built by the pipelines above, against its base."""
        name, base = f"{self._image}:{self._line.number - 1}", self._cloud["docker_bases"]["base"]
        inspect = ["docker", "image", "inspect", "--format", "{{.Size}}", name, base]
        sizes = subprocess.run(inspect, capture_output=True, text=True, check=True)
        whole, below = map(int, sizes.stdout.split())
        table = Table("the service's image", ["MB"])
        table.add("its own layers, without the base image", f"{(whole - below) / 1e6:.0f}")
        return table

    def _measure(self, deploy: Callable[[], None], url: str) -> Run:
        before = self._received()
        measured = self._line.deployed(deploy, url)
        return Run(
            round=measured,
            tool=0 if ":443" in url else float(self.server.status()["live"]["seconds"]),
            received=self._received() - before,
        )

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

    def _shell_script(self) -> None:
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
        self._program.run("pulumi", "up", "--yes", "--skip-preview", "--stack", "local")

    def _build_and_push(self) -> str:
        image = f"{self._image}:{self._line.number}"
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
        docker_config = str(self.clone.path / ".local" / "bench-docker")
        self._program.run(
            *("bash", "-c", script),
            stdin=stdin,
            DOCKER_CONFIG=docker_config,
            DOCKER_BUILDKIT="1",  # the builder of `pulumi up`, which skips unused stages
        )

    def _received(self) -> int:
        return int(self.server.must("cat /sys/class/net/eth0/statistics/rx_bytes"))
