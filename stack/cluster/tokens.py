"""The tokens of a stack's cluster, which are made no more often than needed."""

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common import files
from common.cluster_login import Kubeconfig, LoginError
from stack.errors import StackError

_RESERVE_SECONDS = 30  # a token that ends sooner is not used for another request


@dataclass(kw_only=True)
class Tokens:
    """Makes tokens by the kubeconfig's command, and keeps the newest in a file until it ends.

    Such a token is good for four minutes, and takes a second to make: longer than a question.
    """

    kubeconfig: Kubeconfig
    folder: Path  # the working directory of the command
    variables: Mapping[str, str]  # the whole environment of the command
    file: Path
    _token: str = field(default="", init=False)
    _end: float = field(default=0, init=False)  # seconds since 1970
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def newest(self) -> str:
        with self._lock:
            if self._end - _RESERVE_SECONDS < time.time():
                self._token, self._end = self._stored() or self._made()
            return self._token

    def drop(self, refused: str) -> None:
        """Forget a token that the cluster refused, as the stack may have another key by now."""
        with self._lock:
            if self._token == refused:
                self.file.unlink(missing_ok=True)
                self._end = 0

    def _stored(self) -> tuple[str, float] | None:
        try:
            document = json.loads(self.file.read_text())
            is_fresh = document["end"] - _RESERVE_SECONDS >= time.time()
            is_own = document["source"] == self._source
            return (str(document["token"]), document["end"]) if is_fresh and is_own else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    @property
    def _source(self) -> str:
        """A digest of all that decides on the token: another configuration makes another token."""
        parts = (self.kubeconfig.server, *self.kubeconfig.command)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _made(self) -> tuple[str, float]:
        try:
            made = self.kubeconfig.token(self.folder, self.variables)
        except LoginError as error:
            raise StackError(str(error)) from None
        document = {"token": made.text, "end": made.end, "source": self._source}
        files.write(self.file, json.dumps(document))
        return made.text, made.end
