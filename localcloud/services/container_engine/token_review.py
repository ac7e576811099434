"""The answer to a cluster's API server about the token of a client.

A token is the URL of a signed request, in Base64, as `oci ce cluster generate-token` makes it:
Oracle's SDK signs the request for `/cluster_request/CLUSTER`, and puts the headers into its query.
"""

import base64
import binascii
import hmac
import json
import urllib.parse
from typing import Any

from localcloud.api import errors, signature
from localcloud.api.signature import SignedRequest
from localcloud.cloud import Cloud
from localcloud.services.container_engine.cluster import Cluster
from localcloud.services.identity import api_key

_ADMINISTRATORS = "system:masters"


def answer(cloud: Cloud, cluster_id: str, secret: str, body: bytes) -> dict[str, Any]:
    """Return the TokenReview; raises 401 unless the cluster's own API server asks."""
    cluster = cloud.store.get(Cluster, cluster_id)
    if not hmac.compare_digest(secret.encode(), cluster.review_secret.encode()):
        raise errors.not_authenticated()
    try:
        token = str(json.loads(body)["spec"]["token"])
    except (ValueError, KeyError, TypeError) as error:
        raise errors.cannot_parse_request(f"not a TokenReview: {error}") from error
    try:
        status = {"authenticated": True, "user": _user(cloud, cluster_id, token)}
    except errors.ApiError as error:
        status = {"authenticated": False, "error": error.message}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}


def _user(cloud: Cloud, cluster_id: str, token: str) -> dict[str, Any]:
    """Return the user of a token for this cluster, or 401."""
    try:
        url = urllib.parse.urlsplit(base64.urlsafe_b64decode(token).decode("ascii"))
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise errors.not_authenticated("The token is not a URL in Base64.") from error
    if url.path != f"/cluster_request/{cluster_id}":
        raise errors.not_authenticated("The token is for another cluster.")
    headers = dict(urllib.parse.parse_qsl(url.query))
    request = SignedRequest(
        method="GET", target=url.path, headers={**headers, "host": url.netloc}, body=b""
    )
    keys = {**cloud.account.keys, **api_key.of_owner(cloud)}
    key_id = signature.verify(request, keys, cloud.now())
    _, user, _ = key_id.split("/")
    groups = [_ADMINISTRATORS] if user == cloud.account.user else []
    return {"username": user, "uid": user, "groups": groups}
