"""The API's refusals, one function each, with the codes and texts that Oracle Cloud answers.

Codes: https://docs.oracle.com/en-us/iaas/Content/API/References/apierrors.htm. Texts are the real
service's wherever they are publicly known; otherwise they say what is wrong and what is accepted.
"""

from collections.abc import Iterable
from pathlib import Path


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status}-{code}, {message}")
        self.status = status
        self.code = code
        self.message = message


def invalid_parameter(message: str) -> ApiError:
    return ApiError(400, "InvalidParameter", message)


def missing_parameter(names: Iterable[str]) -> ApiError:
    return ApiError(
        400,
        "MissingParameter",
        f"This request is missing one of the following arguments: {', '.join(names)}.",
    )


def cannot_parse_request(reason: str) -> ApiError:
    return ApiError(400, "CannotParseRequest", f"The request body is not valid JSON: {reason}.")


def related_resource_not_found(field: str, ocid: str) -> ApiError:
    return ApiError(
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
        f"Authorization failed or related resource not found: {field} '{ocid}'.",
    )


def limit_exceeded(*limits: str) -> ApiError:
    return ApiError(
        400,
        "LimitExceeded",
        f"The following service limits were exceeded: {', '.join(limits)}. Request a service limit "
        "increase from the service limits page in the console.",
    )


def not_authenticated(
    reason: str = "The required information to complete authentication was not provided or was "
    "incorrect.",
) -> ApiError:
    return ApiError(401, "NotAuthenticated", reason)


def control_token_missing(file: Path) -> ApiError:
    return not_authenticated(
        f"The emulator's own paths want the header `Authorization: Bearer TOKEN`, with the token "
        f"in {file}."
    )


def not_found(
    reason: str = "Authorization failed or requested resource not found.",
) -> ApiError:
    return ApiError(404, "NotAuthorizedOrNotFound", reason)


def conflict(message: str) -> ApiError:
    return ApiError(409, "Conflict", message)


def still_referenced(what: str, ocid: str, by: str, by_ocid: str) -> ApiError:
    """Refuse to delete `what` while `by` needs it."""
    return conflict(
        f"The {what} {ocid} references the {by} {by_ocid}. You must remove the reference to "
        "proceed with this operation."
    )


def incorrect_state(message: str) -> ApiError:
    return ApiError(409, "IncorrectState", message)


def unreadable_resource(ocid: str, reason: str) -> ApiError:
    return incorrect_state(
        f"localcloud can't read the stored resource {ocid} ({reason}). Forget it with `python -m "
        f"localcloud forget --home DIR {ocid}`, or take the emulated cloud down."
    )


def invalidated_retry_token() -> ApiError:
    return ApiError(
        409,
        "InvalidatedRetryToken",
        "The provided retry token was used in an earlier request with other content, or what that "
        "request made is gone. Send a new opc-retry-token.",
    )


def no_etag_match() -> ApiError:
    return ApiError(
        412, "NoEtagMatch", "The if-match header does not match the resource's current etag."
    )


def out_of_host_capacity() -> ApiError:
    return ApiError(500, "InternalError", "Out of host capacity.")


def not_implemented(what: str) -> ApiError:
    """Refuse what is not modelled. 400: clients ask again for minutes after a 501, or a 404."""
    return not_enforceable(
        f"localcloud does not model {what}. docs/localcloud-coverage.md lists what it models."
    )


def not_enforceable(why: str) -> ApiError:
    """Refuse what could be remembered, but would not come true."""
    return ApiError(400, "NotImplemented", why)
