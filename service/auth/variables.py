"""Environment variables: their reading, and the descriptions of wrong values.

A variable is a field of `auth.settings.Settings`. A problem is a sentence that begins with the
variable's name and gives the rule; it never shows a value, which may be a secret.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

PREFIX = "AUTH_"
_NAME = re.compile(r"AUTH_[A-Z0-9_]+")
# The default of a field depends on an earlier field that is wrong and has its own problem.
_FOLLOWING = "default_factory_not_called"


def name_of(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


class Environment(PydanticBaseSettingsSource):
    """Reads a field from NAME, or from the file that NAME_FILE names.

    Without `files`, it reads no file: the files are where the service runs.
    """

    def __init__(
        self, settings: type[BaseSettings], environment: Mapping[str, str], *, files: bool
    ) -> None:
        super().__init__(settings)
        self._environment, self._files = environment, files
        self.problems: list[str] = []
        self.names = [name_of(field) for field in settings.model_fields]

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        name = name_of(field_name)
        if name in self._environment:
            return self._environment[name].strip(), field_name, False
        if not self._files or not self._in_file(name):
            return None, field_name, False
        try:
            return Path(self._environment[f"{name}_FILE"]).read_text().strip(), field_name, False
        except (OSError, ValueError) as error:
            self.problems.append(f"{name}_FILE can't be read: {error}")
            return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        values = {name: self.get_field_value(field, name)[0] for name, field in fields.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _in_file(self, name: str) -> bool:
        return name not in self._environment and bool(self._environment.get(f"{name}_FILE"))

    def unjudged(self) -> set[str]:
        """Return the variables whose values are in files that were not read."""
        return {name for name in self.names if not self._files and self._in_file(name)}

    def unknown(self) -> list[str]:
        """Describe each AUTH_ variable of the environment that is not a setting."""
        problems = []
        for name in sorted(self._environment):
            base = name.removesuffix("_FILE")
            if name.startswith(PREFIX) and not {name, base} & {*self.names}:
                close = get_close_matches(base, sorted(self.names), n=1)
                hint = f" Did you mean {close[0]}?" if close else ""
                problems.append(f"{name} is not a setting of the service.{hint}")
        return problems


def described(error: ValidationError, settings: type[BaseSettings]) -> list[str]:
    """Describe each problem that pydantic found with the settings."""
    errors = error.errors(include_url=False, include_input=False)
    return [
        _sentence(str(each["loc"][0]), settings.model_fields[str(each["loc"][0])], each)
        for each in errors
        if each["type"] != _FOLLOWING
    ]


def about_others(problems: Iterable[str], hidden: set[str]) -> list[str]:
    """Return the problems that mention no hidden variable."""
    return [problem for problem in problems if not hidden & {*_NAME.findall(problem)}]


def _sentence(field: str, info: FieldInfo, error: Mapping[str, Any]) -> str:
    name = name_of(field)
    if error["type"] == "missing":
        return not_set(field)
    if info.annotation is int:
        lowest, highest = bounds(info)
        return f"{name} must be a whole number from {lowest} to {highest}."
    text = str(error["msg"]).removeprefix("Value error, ")
    if text.startswith(PREFIX):
        return text
    return f"{name}{text}" if text.startswith("[") else f"{name} {text}"


def not_set(field: str) -> str:
    """Return the problem of a required variable that is not set."""
    name = name_of(field)
    return f"{name} is not set. Set it, or {name}_FILE to a file with it."


def bounds(info: FieldInfo) -> tuple[int, int]:
    """Return the lowest and the highest value of a field of whole numbers."""
    limits = {
        key: getattr(limit, key)
        for limit in info.metadata
        for key in ("ge", "le")
        if hasattr(limit, key)
    }
    return limits["ge"], limits["le"]
