"""The last net before a text is shown: known secrets are taken out of it.

The engine masks secrets itself. This is for the cases beyond it: a provider that quotes a password
in its error, the workflow's GitHub token in a message.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from review.events import MASK, Change, Plan

_SHORTEST = 5  # anything shorter is found in ordinary words
_SHORTEST_LINE = 16
_VARIABLE = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSPHRASE|PRIVATE|CREDENTIAL|(^|_)(API|ACCESS)_?KEY"
)
_PEM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)


class Redactor:
    """Takes secrets out of texts, the longest first, since a secret may contain another."""

    def __init__(self, secrets: Iterable[str], env: Mapping[str, str]) -> None:
        known = [*secrets, *(value for name, value in env.items() if _VARIABLE.search(name))]
        pieces: set[str] = set()
        for secret in known:
            stripped = secret.strip()
            if len(stripped) >= _SHORTEST:
                # as it is, as JSON writes it, and line by line: a key is seldom quoted whole
                pieces |= {stripped, stripped.replace("\n", "\\n")}
                lines = (line.strip() for line in stripped.splitlines())
                pieces |= {line for line in lines if len(line) >= _SHORTEST_LINE}
        self._pieces = sorted(
            (piece for piece in pieces if not piece.startswith("-----")), key=len, reverse=True
        )

    def text(self, value: str) -> str:
        value = _PEM.sub(MASK, value)
        for piece in self._pieces:
            value = value.replace(piece, MASK)
        return value

    def plan(self, plan: Plan) -> Plan:
        """Return the plan with all outside text cleaned: before it is cut, not after."""
        return dataclasses.replace(
            plan,
            changes=tuple(map(self._change, plan.changes)),
            components=tuple(map(self._change, plan.components)),
            warnings=tuple(map(self.text, plan.warnings)),
            errors=tuple(map(self.text, plan.errors)),
        )

    def _change(self, change: Change) -> Change:
        return dataclasses.replace(change, old=self._tree(change.old), new=self._tree(change.new))

    def _tree(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self._tree(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self._tree(entry) for entry in value]
        return value
