"""The service's image: built from its folder, pushed, and then named by its digest."""

import dataclasses
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker as docker

from components.build_context import BuildContext

SERVICE = Path(__file__).parent.parent / "service"


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The last commit that changed the build context; `-dirty` if there are later changes."""

    commit: str
    time: str  # RFC 3339, of the commit: the same sources build the same image

    @property
    def tag(self) -> str:
        """Return the tag, by which people find the image; the program uses the digest."""
        return f"sha-{self.commit}"


def revision(folder: Path) -> Revision:
    """Return the revision of the folder's build context; `unversioned` outside of a repository.

    A change of a file that the build does not see, such as a test, makes no new revision, and so
    no release.
    """

    def git(*argv: str) -> list[str]:
        # -z separates unquoted names by NUL; with GIT_LITERAL_PATHSPECS `[a]` is no pattern
        result = subprocess.run(
            ["git", "-C", str(folder), *argv],
            env={**os.environ, "GIT_LITERAL_PATHSPECS": "1"},
            capture_output=True,
            check=False,
        )
        text = os.fsdecode(result.stdout) if result.returncode == 0 else ""
        return [field.lstrip("\n") for field in text.split("\0")[:-1]]

    context = BuildContext.of(folder)
    # with deleted files: to delete a file changes the image as well
    every_name = git(
        "log", "-z", "--format=", "--name-only", "--no-renames", "--relative", "--", "."
    )
    names = sorted(filter(context.holds, {*every_name, *git("ls-files", "-z")}))
    if not names:
        return Revision(commit="unversioned", time="")
    # git finds the last change: a merge counts if it combines changes of both its sides
    (last,) = git("log", "-1", "-z", "--format=%h %cI", "--abbrev=12", "--", *names) or [""]
    commit, _, time = last.partition(" ")
    changed = git("diff", "-z", "--name-only", "--no-renames", "--relative", "HEAD", "--", ".")
    new = git("ls-files", "-z", "--others", "--exclude-standard")
    dirty = "-dirty" if context.holds_any({*changed, *new}) else ""
    return Revision(commit=f"{commit}{dirty}" if commit else "unversioned", time=time)


@dataclass(frozen=True, kw_only=True)
class Login:
    """A user name and a password of an image registry."""

    username: str
    password: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class Registry:
    """An image registry, with a login for each side; `repository` is SERVER/PATH.

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
    """The base images of the service's image: `builder` installs packages, `runtime` runs it.

    Empty: the Dockerfile's own base image, pinned by its digest.
    """

    runtime: str = ""
    builder: str = ""

    @property
    def arguments(self) -> dict[str, str]:
        images = {"BASE": self.runtime, "BUILDER": self.builder}
        return {name: image for name, image in images.items() if image}


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """An image of the registry's repository that another stack has built and released."""

    digest: str  # sha256:…
    revision: str
    origin: str = ""  # for people, such as `r12 of dev, live there for 3 d`


@dataclass(frozen=True, kw_only=True)
class ImageArgs:
    registry: Registry
    platform: str
    bases: Bases
    promoted: Promoted | None = None  # to be released; None builds an image
    # relative to the project's folder, where the engine runs the program: the same in each clone
    context: str = "service"
    revision: Revision | None = None  # None: that of the context, in git


class Image(pulumi.ComponentResource):
    """An image for a single platform, pushed by an update and never by a preview, or promoted.

    A promoted image is not built and has no resource: its digest is known from the start.
    `digest` is `repository@sha256:…`. No tag is ever deleted, and `latest` is not used.
    """

    digest: pulumi.Output[str]
    revision: str

    def __init__(
        self, name: str, args: ImageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # a component's inputs are for readers: a preview shows a promotion
        inputs = dataclasses.asdict(args.promoted) if args.promoted else None
        super().__init__("auth:image:Image", name, inputs, opts)
        if args.promoted:
            reference = f"{args.registry.repository}@{args.promoted.digest}"
            self.digest = pulumi.Output.from_input(reference)
            self.revision = args.promoted.revision
        else:
            self.digest, self.revision = self._built(name, args)
        self.register_outputs({"digest": self.digest})

    def _built(self, name: str, args: ImageArgs) -> tuple[pulumi.Output[str], str]:
        context = Path(args.context)
        BuildContext.of(context).settle_modes(context)
        built = args.revision or revision(context)
        image = docker.Image(
            f"{name}-image",
            image_name=f"{args.registry.repository}:{built.tag}",
            build=docker.DockerBuildArgs(
                context=args.context,
                dockerfile=f"{args.context}/Dockerfile",
                platform=args.platform,
                args={
                    **args.bases.arguments,
                    "REVISION": built.commit,
                    "REVISION_TIME": built.time,
                },
            ),
            registry=docker.RegistryArgs(
                server=args.registry.server,
                username=args.registry.push.username,
                password=args.registry.push.password,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return image.repo_digest, built.commit
