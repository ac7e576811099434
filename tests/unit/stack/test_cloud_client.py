"""The reasons of failed requests to Oracle."""

import oci

from stack import cloud_client


def test_a_refusal_is_told_from_a_request_without_an_answer() -> None:
    refusal = oci.exceptions.ServiceError(
        401, "NotAuthenticated", {}, "The key is unknown.", operation_name="list_api_keys"
    )
    silence = oci.exceptions.RequestException("the end of a connection")

    assert {type(refusal), type(silence)} <= {*cloud_client.failures()}
    assert cloud_client.reason(refusal) == (
        "Oracle refuses list_api_keys: 401-NotAuthenticated, The key is unknown."
    )
    assert cloud_client.reason(silence) == (
        "Oracle gives no answer (RequestException): see this machine's connection."
    )
