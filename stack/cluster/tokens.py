"""The tokens of a stack's cluster, which are made no more often than needed."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common import files
from common.cluster_login import Kubeconfig, LoginError, Token
from stack.errors import StackError


@dataclass(kw_only=True)
class Tokens:
    """Makes tokens by the kubeconfig's command, and keeps the newest in a file until it ends.

    Such a token is good for four minutes, and takes a second to make: longer than a question.
    """

    kubeconfig: Kubeconfig
    folder: Path  # the working directory of the command
    variables: Mapping[str, str]  # the whole environment of the command
    file: Path
    _token: Token | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def newest(self) -> str:
        with self._lock:
            if self._token is None or not self._token.lasts:
                self._token = self._stored() or self._made()
            return self._token.text

    def drop(self, refused: str) -> None:
        """Forget a token that the cluster refused, as the stack may have another key by now."""
        with self._lock:
            if self._token and self._token.text == refused:
                self.file.unlink(missing_ok=True)
                self._token = None

    def _stored(self) -> Token | None:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            document = json.loads(self.file.read_text())
            token = Token(text=str(document["token"]), end=document["end"])
            if token.lasts and document["source"] == self._source:
                return token
        return None

    @property
    def _source(self) -> str:
        """A digest of all that decides on the token: another configuration makes another token."""
        parts = (self.kubeconfig.server, *self.kubeconfig.command)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _made(self) -> Token:
        try:
            made = self.kubeconfig.token(self.folder, self.variables)
        except LoginError as error:
            raise StackError(str(error)) from None
        document = {"token": made.text, "end": made.end, "source": self._source}
        files.write(self.file, json.dumps(document))
        return made
