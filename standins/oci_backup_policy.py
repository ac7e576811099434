"""The policy for backups of a volume: the official plugin completes its schedules."""

from dataclasses import dataclass

from standins.oci_resources import Kind
from standins.values import Properties

_SCHEDULES = "schedules"
_UNSET: Properties = {"dayOfMonth": -1, "dayOfWeek": "", "month": ""}


@dataclass(frozen=True, kw_only=True)
class BackupPolicy(Kind):
    """A policy whose schedules change as a whole, unless the last ones are taken away."""

    def differences(
        self,
        state: Properties,
        old: Properties,
        new: Properties,
        ignored: tuple[str, ...] = (),
    ) -> dict[str, str]:
        kinds = super().differences(state, old, new, ignored)
        of_schedules = {p: kind for p, kind in kinds.items() if p.startswith(_SCHEDULES)}
        if all(kind == "DELETE" for kind in of_schedules.values()):
            return kinds
        others = {path: kind for path, kind in kinds.items() if path not in of_schedules}
        return {**others, _SCHEDULES: "UPDATE"}

    def seen(self, body: Properties, known: Properties) -> Properties:
        outputs = super().seen(body, known)
        outputs[_SCHEDULES] = [{**_UNSET, **schedule} for schedule in outputs[_SCHEDULES]]
        return outputs

    def _body(self, properties: Properties) -> Properties:
        if properties.get(_SCHEDULES) == "":
            properties = {**properties, _SCHEDULES: []}
        return super()._body(properties)
