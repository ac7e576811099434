"""The check of AWS's signature, against the example that AWS publishes.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from localcloud.api import signature_v4
from localcloud.api.signature_v4 import RefusedError, S3Request

ACCESS_KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = datetime(2013, 5, 24, tzinfo=UTC)
SIGNATURE = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
REQUEST = S3Request(
    method="GET",
    path="/test.txt",
    query="",
    headers={
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-amz-date": "20130524T000000Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            f"SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature={SIGNATURE}"
        ),
    },
    body=b"",
)


def verify(request: S3Request, *, now: datetime = NOW, region: str = "us-east-1") -> None:
    signature_v4.verify(request, access_key=ACCESS_KEY, secret=SECRET, region=region, now=now)


def with_headers(**headers: str) -> S3Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return dataclasses.replace(REQUEST, headers={**REQUEST.headers, **named})


def test_the_published_example_is_accepted() -> None:
    verify(REQUEST)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (dataclasses.replace(REQUEST, path="/other.txt"), "SignatureDoesNotMatch"),
        (dataclasses.replace(REQUEST, method="DELETE"), "SignatureDoesNotMatch"),
        (dataclasses.replace(REQUEST, query="versionId=1"), "SignatureDoesNotMatch"),
        (dataclasses.replace(REQUEST, body=b"other"), "XAmzContentSHA256Mismatch"),
        (with_headers(range="bytes=0-99"), "SignatureDoesNotMatch"),
        (with_headers(x_amz_content_sha256="STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), "NotImplemented"),
        (with_headers(authorization=""), "AccessDenied"),
        (
            with_headers(
                authorization=REQUEST.headers["authorization"].replace(ACCESS_KEY, "AKIAOTHER")
            ),
            "InvalidAccessKeyId",
        ),
    ],
)
def test_a_request_that_the_key_did_not_sign_is_refused(request_: S3Request, code: str) -> None:
    with pytest.raises(RefusedError) as caught:
        verify(request_)
    assert caught.value.code == code


def test_a_request_of_another_hour_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        verify(REQUEST, now=NOW + timedelta(hours=1))
    assert caught.value.code == "RequestTimeTooSkewed"


def test_a_signature_for_another_region_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        verify(REQUEST, region="eu-madrid-1")
    assert caught.value.code == "AuthorizationHeaderMalformed"
