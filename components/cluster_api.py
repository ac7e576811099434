"""The API of a cluster, asked by the program itself, in which Pulumi's plugin reads no lists."""

import json
import os
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from common.cluster_login import Kubeconfig, LoginError, Token

_PROJECT = Path(__file__).parent.parent
_SECONDS = 15
_METADATA_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Object = Mapping[str, Any]


_tokens: dict[str, Token] = {}  # by kubeconfig
_one_at_a_time = threading.Lock()


class UnreachableError(Exception):
    """The cluster gave no answer; the text is the reason."""


class MissingObjectError(Exception):
    """The cluster has no such object."""


class ClusterApi:
    """Asks the API by paths below its address; raises UnreachableError without an answer."""

    def __init__(self, kubeconfig: str) -> None:
        try:
            way_in = Kubeconfig.read(kubeconfig)
            self._token = _token(kubeconfig, way_in)
            self._tls = ssl.create_default_context(cadata=way_in.authority)
        except (LoginError, ssl.SSLError) as error:
            raise UnreachableError(str(error)) from None
        self._server = way_in.server

    def get(self, path: str) -> Object:
        """Return an object; raise MissingObjectError without one."""
        return self._answer("GET", path, "application/json")

    def items(self, path: str) -> list[Object]:
        return list(self.get(path)["items"])

    def metadata(self, path: str) -> list[Object]:
        """Return objects without their content: that of Secrets stays in the cluster."""
        # null if there are none
        return list(self._answer("GET", path, _METADATA_ALONE)["items"] or ())

    def delete(self, path: str) -> None:
        """Delete an object; raise MissingObjectError if it is not there."""
        self._answer("DELETE", path, "application/json")

    def _answer(self, method: str, path: str, accept: str) -> Object:
        request = urllib.request.Request(  # noqa: S310 - the cluster's own https address
            f"{self._server}{path}",
            method=method,
            headers={"Authorization": f"Bearer {self._token}", "Accept": accept},
        )
        with (
            _told(),
            urllib.request.urlopen(  # noqa: S310
                request, timeout=_SECONDS, context=self._tls
            ) as answer,
        ):
            return dict(json.load(answer))


def _token(kubeconfig: str, way_in: Kubeconfig) -> str:
    """Return a token for all questions of a run, as its command takes a second of a processor."""
    with _one_at_a_time:
        known = _tokens.get(kubeconfig)
        if known is None or not known.lasts:
            known = _tokens[kubeconfig] = way_in.token(_PROJECT, os.environ)
        return known.text


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            raise MissingObjectError(str(error.url)) from None
        raise UnreachableError(f"its API answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise UnreachableError(str(error.reason)) from None
    except (OSError, ValueError) as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from None
