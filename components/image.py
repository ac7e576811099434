"""The service's image: built from its folder, pushed, and known by digest from then on."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_docker as docker

from components.build_context import BuildContext

SERVICE = Path(__file__).parent.parent / "service"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The last commit that changed what the image is built from; `-dirty` with changes since."""

    commit: str
    time: str  # RFC 3339, of the commit: two builds of the same sources are the same image

    @property
    def tag(self) -> str:
        """Tag for people to find the image by; machines use the digest."""
        return f"sha-{self.commit}"


def revision(folder: Path = SERVICE) -> Revision:
    """Return the revision of the folder's build context; `unversioned` outside of a repository.

    A file that the build does not see, such as a test, makes neither a new image nor a release.
    """

    def git(*argv: str) -> list[str]:
        # git separates names by NUL and quotes none of them; and `[a]` is a name here, no pattern
        result = subprocess.run(
            ["git", "-C", str(folder), *argv],
            env={**os.environ, "GIT_LITERAL_PATHSPECS": "1"},
            capture_output=True,
            check=False,
        )
        text = os.fsdecode(result.stdout) if result.returncode == 0 else ""
        return [field.lstrip("\n") for field in text.split("\0")[:-1]]

    context = BuildContext.of(folder)
    # also the names that are gone: taking a file away changes the image as well
    ever = git("log", "-z", "--format=", "--name-only", "--no-renames", "--relative", "--", ".")
    names = sorted(filter(context.holds, {*ever, *git("ls-files", "-z")}))
    if not names:
        return Revision(commit="unversioned", time="")
    # git itself finds the last one: a merge of two changes counts, one that takes a side does not
    (last,) = git("log", "-1", "-z", "--format=%h %cI", "--abbrev=12", "--", *names) or [""]
    commit, _, time = last.partition(" ")
    changed = git("diff", "-z", "--name-only", "--no-renames", "--relative", "HEAD", "--", ".")
    new = git("ls-files", "-z", "--others", "--exclude-standard")
    dirty = "-dirty" if context.any({*changed, *new}) else ""
    return Revision(commit=f"{commit}{dirty}" if commit else "unversioned", time=time)


@dataclass(frozen=True, kw_only=True)
class Login:
    username: str
    password: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Where images are kept: `repository` is SERVER/PATH, as in an image's name.

    The builder logs in with `push`, the server with `pull`: an intruder on the server must not be
    able to replace the image that it runs.
    """

    repository: str
    push: Login
    pull: Login

    @property
    def server(self) -> str:
        return self.repository.partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Bases:
    """The images that the service's image is made from: one runs it, one installs its packages.

    Where one is empty, the Dockerfile's own is taken, pinned by its digest.
    """

    runtime: str = ""
    builder: str = ""

    @property
    def arguments(self) -> dict[str, str]:
        named = {"BASE": self.runtime, "BUILDER": self.builder}
        return {name: image for name, image in named.items() if image}


@dataclass(frozen=True, kw_only=True)
class ImageArgs:
    registry: Registry
    platform: str
    bases: Bases
    revision: Revision = field(default_factory=revision)
    # relative, as the engine runs the program in the project's folder: the same in each checkout
    context: str = "service"


class Image(pulumi.ComponentResource):
    """One image for one platform, pushed on `up`, never on preview.

    `digest` is `repository@sha256:…`. Tags are never deleted here, nor is `latest` ever used.
    """

    digest: pulumi.Output[str]
    revision: str

    def __init__(
        self, name: str, args: ImageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:image:Image", name, None, opts)
        context = Path(args.context)
        BuildContext.of(context).settle_modes(context)
        image = docker.Image(
            f"{name}-image",
            image_name=f"{args.registry.repository}:{args.revision.tag}",
            build=docker.DockerBuildArgs(
                context=args.context,
                dockerfile=f"{args.context}/Dockerfile",
                platform=args.platform,
                args={
                    **args.bases.arguments,
                    "REVISION": args.revision.commit,
                    "REVISION_TIME": args.revision.time,
                },
            ),
            registry=docker.RegistryArgs(
                server=args.registry.server,
                username=args.registry.push.username,
                password=args.registry.push.password,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.digest = image.repo_digest
        self.revision = args.revision.commit
        self.register_outputs({"digest": self.digest})
