"""Clients of Oracle's SDK with the credentials of a stack's configuration."""

from collections.abc import Mapping
from typing import Any

from common import client_hosts
from stack.errors import StackError
from stack.stack import Stack


def open_client(
    stack: Stack,
    kind: Any,
    *,
    package: str,
    path: str = "",
    credentials: Mapping[str, str] | None = None,
) -> Any:
    """Return a client of the class `kind`; raise StackError for credentials that can't be used.

    CLIENT_HOST_OVERRIDES names another host by `package` and class, as for Oracle's provider;
    `path` is the version of the API there. `credentials`, as in a file of Oracle's CLI, take the
    place of the configuration's.
    """
    # takes most of a second to import
    import oci  # noqa: PLC0415

    values = stack.configuration.values()
    config = {
        "tenancy": values.get("oci:tenancyOcid", ""),
        "user": values.get("oci:userOcid", ""),
        "fingerprint": values.get("oci:fingerprint", ""),
        "region": values.get("oci:region", ""),
        **(credentials or _key(values)),
    }
    hosts = client_hosts.read(stack.env.get("CLIENT_HOST_OVERRIDES", ""))
    endpoint = hosts.get(f"{package}.{kind.__name__}")
    service = {"service_endpoint": f"{endpoint.rstrip('/')}{path}"} if endpoint else {}
    try:
        oci.config.validate_config(config)
        return kind(config, **service)
    except (oci.exceptions.ClientError, ValueError, OSError) as error:
        # the SDK's message may quote the key
        raise StackError(
            f"The oci credentials of {stack.name} can't be used ({type(error).__name__}). "
            "docs/oracle-cloud.md explains them."
        ) from None


def failures() -> tuple[type[Exception], ...]:
    """Return the SDK's errors of a request: a refusal, no answer, and no connection in time."""
    import oci  # noqa: PLC0415 - takes most of a second

    errors = oci.exceptions
    return errors.ServiceError, errors.RequestException, errors.ConnectTimeout


def reason(error: Any) -> str:
    """Return the reason of an error of `failures`, as sentences: Oracle's refusal, or no answer."""
    if hasattr(error, "status"):
        message = str(error.message).rstrip(".")
        return f"Oracle refuses {error.operation_name}: {error.status}-{error.code}, {message}."
    return f"Oracle gives no answer ({type(error).__name__}): see this machine's connection."


def _key(values: dict[str, str]) -> dict[str, str]:
    if values.get("oci:privateKey"):
        return {"key_content": values["oci:privateKey"]}
    return {"key_file": values.get("oci:privateKeyPath", "")}
