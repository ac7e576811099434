"""The result of a drill: in the bucket for `make status`, and as metrics in Oracle Monitoring."""

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from common import files
from components import keys
from host.auth_release import drill_result, monitoring, reporter
from host.auth_release.backup import Backup
from host.auth_release.errors import ReleaseError
from host.auth_release.measures import Measure
from host.auth_release.reporter import Reporter

if TYPE_CHECKING:
    from stack.drill import Drill


def store_success(backup: Backup, stack: str, values: Mapping[str, str], result: "Drill") -> None:
    """Store the result of a drill that worked; raise ReleaseError if the bucket denies that."""
    drill_result.store(backup, copy=result.copy, seconds=result.restore_seconds)
    _post(
        stack,
        values,
        drillFailed=0,
        drillRestoreSeconds=result.restore_seconds,
        drillSeconds=result.seconds,
    )


def store_failure(backup: Backup, stack: str, values: Mapping[str, str], problem: str) -> None:
    """Store the problem of a drill; a bucket that denies it is often the problem itself."""
    try:
        drill_result.store(backup, problem=problem)
    except ReleaseError as error:
        print(f"Warning: the result of the drill is not stored. {error}", file=sys.stderr)
    _post(stack, values, drillFailed=1)


def _post(stack: str, values: Mapping[str, str], **measured: float) -> None:
    """Post values with the key of the server's reports, if there is one; a failure is a warning."""
    user, private_key = (
        values.get(f"auth:{name}", "") for name in ("metricsUserOcid", "metricsPrivateKey")
    )
    if not user:
        return
    try:
        settings = Reporter(
            disk="",
            endpoint=values.get("auth:metricsEndpoint", "").rstrip("/")
            or monitoring.endpoint(values.get("oci:region", "")),
            tenancy=values.get("oci:tenancyOcid", ""),
            user=user,
            fingerprint=keys.api_key_fingerprint(private_key),
            compartment=values.get("auth:compartmentOcid", ""),
            namespace=monitoring.NAMESPACE,
            dimensions={"stack": stack},
        )
        with tempfile.TemporaryDirectory() as folder:
            key_file = Path(folder) / "key.pem"
            files.write(key_file, private_key)
            measures = [Measure(name=name, value=value) for name, value in measured.items()]
            reporter.post(settings, key_file, measures, time.time())
    except (ReleaseError, ValueError) as error:
        print(f"Warning: the drill has no metrics. {error}", file=sys.stderr)
