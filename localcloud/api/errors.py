"""The API's refusals, a function each, with Oracle Cloud's codes and texts.

Codes: https://docs.oracle.com/en-us/iaas/Content/API/References/apierrors.htm. Texts are the real
service's wherever they are publicly known; otherwise they name the mistake and the accepted values.
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
    """400: a value that breaks a rule; `message` names the value and the rule."""
    return ApiError(400, "InvalidParameter", message)


def missing_parameter(names: Iterable[str]) -> ApiError:
    """400: `names` are the fields or parameters that are absent."""
    return ApiError(
        400,
        "MissingParameter",
        f"This request is missing one of the following arguments: {', '.join(names)}.",
    )


def cannot_parse_request(reason: str) -> ApiError:
    """400: the body is not JSON."""
    return ApiError(400, "CannotParseRequest", f"The request body is not valid JSON: {reason}.")


def related_resource_not_found(field: str, ocid: str) -> ApiError:
    """400: the body refers to a resource that does not exist or is not yours."""
    return ApiError(
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
        f"Authorization failed or related resource not found: {field} '{ocid}'.",
    )


def limit_exceeded(*limits: str) -> ApiError:
    """400: a service limit of the tenancy is reached."""
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
    """401: the request is not signed as it must be."""
    return ApiError(401, "NotAuthenticated", reason)


def control_token_missing(file: Path) -> ApiError:
    """401: a request for the control paths has no valid control token."""
    return not_authenticated(
        f"The emulator's own paths want the header `Authorization: Bearer TOKEN`, with the token "
        f"in {file}."
    )


def not_found(
    reason: str = "Authorization failed or requested resource not found.",
) -> ApiError:
    """404: the same answer for a resource that never was and for another tenancy's."""
    return ApiError(404, "NotAuthorizedOrNotFound", reason)


def conflict(message: str) -> ApiError:
    """409: the change contradicts another resource."""
    return ApiError(409, "Conflict", message)


def still_referenced(what: str, ocid: str, by: str, by_ocid: str) -> ApiError:
    """409: the `what` can't be deleted while the `by` needs it; both are titles."""
    return conflict(
        f"The {what} {ocid} references the {by} {by_ocid}. You must remove the reference to "
        "proceed with this operation."
    )


def incorrect_state(message: str) -> ApiError:
    """409: the resource is in a state that does not allow the operation."""
    return ApiError(409, "IncorrectState", message)


def unreadable_resource(ocid: str, reason: str) -> ApiError:
    """409: the store has the resource, in a form that can't be read."""
    return incorrect_state(
        f"localcloud can't read the stored resource {ocid} ({reason}). Forget it with `python -m "
        f"localcloud forget --home DIR {ocid}`, or take the emulated cloud down."
    )


def invalidated_retry_token() -> ApiError:
    """409: the retry token belongs to another request."""
    return ApiError(
        409,
        "InvalidatedRetryToken",
        "The provided retry token was used in an earlier request with other content, or the "
        "resource of that request is gone. Send a new opc-retry-token.",
    )


def no_etag_match() -> ApiError:
    """412: the resource has changed since the caller read it."""
    return ApiError(
        412, "NoEtagMatch", "The if-match header does not match the resource's current etag."
    )


def out_of_host_capacity() -> ApiError:
    """500, as Oracle Cloud answers it: no host has room for the instance."""
    return ApiError(500, "InternalError", "Out of host capacity.")


def service_unavailable() -> ApiError:
    """503: the service does not work at present."""
    return ApiError(503, "ServiceUnavailable", "The service is currently unavailable.")


def not_implemented(what: str) -> ApiError:
    """400 for a feature that is not modelled: after 404 or 501 clients repeat for minutes."""
    return not_enforceable(
        f"localcloud does not model {what}. docs/localcloud-coverage.md lists its operations."
    )


def not_enforceable(why: str) -> ApiError:
    """400 for a setting that could be stored, but would have no effect."""
    return ApiError(400, "NotImplemented", why)
