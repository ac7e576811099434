"""The API of a stack's cluster, over HTTPS with the stack's own login.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import json
import ssl
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import httpx

from common.cluster_login import Kubeconfig, LoginError
from components import advice
from stack import kubeconfig as kubeconfig_of_stack
from stack.cluster.tokens import Tokens
from stack.errors import StackError
from stack.stack import Stack

_SECONDS = 15
_METADATA_ALONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
OWNER = "auth-on-oci"  # of the fields that the commands change


class MissingObjectError(StackError):
    """The cluster has no such object."""


class _Bearer(httpx.Auth):
    """Sends the token with each request, and once more with another after a refusal."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._tokens.newest()
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._tokens.drop(token)
            request.headers["Authorization"] = f"Bearer {self._tokens.newest()}"
            yield request


class Api:
    """Asks the cluster, and raises StackError with the way out for a refusal or no answer."""

    def __init__(self, stack: str, kubeconfig: Kubeconfig, tokens: Tokens) -> None:
        self.stack = stack
        self.server = kubeconfig.server
        self.tokens = tokens
        self.tls = ssl.create_default_context(cadata=kubeconfig.authority)
        self._http = httpx.Client(
            base_url=kubeconfig.server,
            verify=self.tls,
            auth=_Bearer(tokens),
            timeout=_SECONDS,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """Return an object, or a list of objects, by its path below the server's address."""
        return self._answer("GET", path, params=parameters)

    def items(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        return list(self.get(path, **parameters)["items"])

    def metadata(self, path: str) -> dict[str, Any]:
        """Return an object without its content: that of a Secret stays in the cluster."""
        return self._answer("GET", path, headers={"Accept": _METADATA_ALONE})

    def change(self, path: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Change an object by a JSON patch, whole or not: https://www.rfc-editor.org/rfc/rfc6902."""
        self._answer(
            "PATCH",
            path,
            params={"fieldManager": OWNER},
            content=json.dumps(operations),
            headers={"Content-Type": "application/json-patch+json"},
        )

    def text_lines(self, path: str, **parameters: str) -> list[str]:
        """Return the lines of a text."""
        with self._asked():
            answer = self._http.get(path, params=parameters)
        self._check(answer)
        return list(_split([answer.content]))

    @contextmanager
    def later_lines(self, path: str, **parameters: str) -> Iterator[Iterator[str]]:
        """Yield the lines of an answer as they come, for as long as the cluster sends any."""
        endless = httpx.Timeout(_SECONDS, read=None)
        with (
            self._asked(),
            self._http.stream("GET", path, params=parameters, timeout=endless) as answer,
        ):
            if answer.is_error:
                answer.read()
            self._check(answer)
            yield _split(answer.iter_bytes())

    def _answer(self, method: str, path: str, **keywords: Any) -> dict[str, Any]:
        with self._asked():
            answer = self._http.request(method, path, **keywords)
        self._check(answer)
        return dict(answer.json())

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise StackError(self.silence(error)) from None

    def silence(self, error: Exception) -> str:
        """Return the sentences about an API that gives no answer."""
        return (
            f"The API of the cluster at {self.server} does not answer: "
            f"{str(error) or type(error).__name__}. Does auth:allowedSshCidrs have this machine's "
            "address? Is the cluster ACTIVE in the console?"
        )

    def _check(self, answer: httpx.Response) -> None:
        if answer.is_error:
            raise self.refusal(answer.status_code, _message(answer))

    def refusal(self, status: int, message: str) -> StackError:
        """Return the error for an answer with the status of an error."""
        if status == HTTPStatus.NOT_FOUND:
            return MissingObjectError(f"The cluster has no such object: {message}.")
        if status == HTTPStatus.UNAUTHORIZED:
            return StackError(
                f"The cluster at {self.server} refuses the login of {self.stack}. It is that of "
                "oci:userOcid, whose group needs the policy `manage cluster-family`."
            )
        return StackError(f"The cluster refuses it ({status}): {message}.")


@contextmanager
def opened(stack: Stack) -> Iterator[Api]:
    """Yield the API of the stack's cluster; raise StackError for a stack without one yet."""
    text = str(stack.outputs().get(kubeconfig_of_stack.OUTPUT) or "")
    if not text:
        up = advice.make("up", stack.name)
        raise StackError(f"The stack {stack.name} has no cluster yet. Make it: {up}")
    try:
        kubeconfig = Kubeconfig.read(text)
    except LoginError as error:
        raise StackError(str(error)) from None
    tokens = Tokens(
        kubeconfig=kubeconfig,
        folder=stack.clone,
        variables=stack.env,
        file=stack.clone / ".local" / "cluster" / f"{stack.name}.json",
    )
    api = Api(stack.name, kubeconfig, tokens)
    try:
        yield api
    finally:
        api.close()


def _split(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the whole lines; a line of a log may have characters that end a line elsewhere."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"]).rstrip(".")
    except (ValueError, LookupError, TypeError):
        return answer.text.strip()[:200]
