"""The S3-compatible API of Object Storage, for buckets with versions.

Modelled are the requests of a client that stores, reads, lists and deletes objects; any other is
refused by name.
Source: https://docs.oracle.com/en-us/iaas/Content/Object/Tasks/s3compatibleapi_topic-Amazon_S3_Compatibility_API_Support.htm
"""

import base64
import hashlib
import logging
import re
import threading
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api import signature_v4
from localcloud.api.signature_v4 import RefusedError, S3Request
from localcloud.cloud import Cloud
from localcloud.ocids import REGION
from localcloud.services.identity.customer_secret_key import CustomerSecretKey
from localcloud.services.identity.policy import may_manage_objects
from localcloud.services.object_storage.bucket import find as find_bucket
from localcloud.state.customer_key import BUCKET, CustomerKey
from localcloud.state.objects import Objects, StoredObject

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_METADATA = "x-amz-meta-"
_PAGE = 1000
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")

log = logging.getLogger(__name__)


class ObjectStorage:
    """Answers signed S3 requests on the account's bucket, and on those that were made since."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._key = CustomerKey.open(cloud.home)
        self._objects: dict[str, Objects] = {}  # by folder
        self._lock = threading.Lock()
        self._uploads: dict[str, _Upload] = {}

    def routes(self) -> list[Route]:
        """Return the paths, to be mounted at PREFIX."""
        methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
        return [
            Route(path, self._endpoint(), methods=methods)
            for path in ("/{bucket}", "/{bucket}/{key:path}")
        ]

    def close(self) -> None:
        """Close the indexes of the objects."""
        for objects in self._objects.values():
            objects.close()

    def _endpoint(self) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            signed = S3Request(
                method=request.method,
                path=request.scope["raw_path"].decode("latin-1"),
                query=request.scope["query_string"].decode("latin-1"),
                headers=dict(request.headers),
                body=await request.body(),
            )
            try:
                return await run_in_threadpool(self._answer, request, signed)
            except RefusedError as error:
                return _refused(error)
            except Exception as error:
                log.exception("%s %s failed", request.method, request.url.path)
                return _refused(RefusedError("InternalError", f"localcloud: {error}", 500))

        return endpoint

    def _answer(self, request: Request, signed: S3Request) -> Response:
        access_key = signature_v4.access_key(signed)
        secret, user = self._secret(access_key)
        signature_v4.verify(
            signed, access_key=access_key, secret=secret, region=REGION, now=datetime.now(UTC)
        )
        bucket, key = request.path_params["bucket"], request.path_params.get("key", "")
        objects = self._bucket(bucket, user)
        query = request.query_params
        on_bucket = _OnBucket(bucket, objects, self._uploads, self._lock)
        return on_bucket.object(key, signed, query) if key else on_bucket.bucket(signed, query)

    def _secret(self, access_key: str) -> tuple[str, str]:
        """Return the secret of a key, and its user; no user for the account's own key."""
        if access_key == self._key.access_key:
            return self._key.secret, ""
        key = self._cloud.store.look_up(CustomerSecretKey, access_key)
        if key is None:
            raise RefusedError("InvalidAccessKeyId", "The access key does not exist.")
        return key.secret, key.user_id

    def _bucket(self, name: str, user: str) -> Objects:
        """Return the objects of a bucket that the user may work on."""
        if name == BUCKET and not user:
            return self._opened("objects")
        bucket = find_bucket(self._cloud, name)
        if bucket is None or not user:
            raise RefusedError("NoSuchBucket", "The bucket does not exist.", 404)
        if not may_manage_objects(self._cloud, user, name):
            raise RefusedError("AccessDenied", f"No policy lets the user work on {name}.")
        return self._opened(f"buckets/{name}")

    def _opened(self, folder: str) -> Objects:
        with self._lock:
            if folder not in self._objects:
                self._objects[folder] = Objects(self._cloud.home.path / folder)
            return self._objects[folder]


class _OnBucket:
    """Answers requests on a bucket and its objects, whose signature and rights are checked."""

    def __init__(
        self, name: str, objects: Objects, uploads: dict[str, "_Upload"], lock: threading.Lock
    ) -> None:
        self._name, self._objects, self._uploads, self._lock = name, objects, uploads, lock

    def bucket(self, request: S3Request, query: Mapping[str, str]) -> Response:
        if request.method == "HEAD" and not query:
            return Response()
        if request.method == "GET" and query.get("list-type") == "2":
            return self._list(query)
        if request.method == "POST" and "delete" in query:
            return self._delete_many(request)
        raise _not_modelled(request)

    def object(self, key: str, request: S3Request, query: Mapping[str, str]) -> Response:
        if "uploadId" in query or "uploads" in query:
            return self._on_upload(key, request, query)
        # x-id names the operation, for logs
        if {*query} - {"x-id"} or "x-amz-copy-source" in request.headers:
            raise _not_modelled(request)
        match request.method:
            case "PUT":
                return _stored(self._objects.put(key, request.body, _metadata(request)))
            case "GET" | "HEAD":
                return self._get(key, request)
            case "DELETE":
                self._objects.delete(key)
                return Response(status_code=204)
        raise _not_modelled(request)

    def _on_upload(self, key: str, request: S3Request, query: Mapping[str, str]) -> Response:
        """Answer a request about an object that arrives in parts."""
        identity = query.get("uploadId", "")
        match request.method:
            case "POST" if "uploads" in query:
                return self._begin(key, request)
            case "PUT":
                return self._upload(identity).part(int(query["partNumber"]), request.body)
            case "POST":
                return self._complete(identity)
            case "DELETE":
                with self._lock:
                    self._uploads.pop(identity, None)
                return Response(status_code=204)
        raise _not_modelled(request)

    def _get(self, key: str, request: S3Request) -> Response:
        stored = self._objects.get(key)
        if stored is None:
            raise RefusedError("NoSuchKey", "The object does not exist.", 404)
        headers = {
            "etag": f'"{stored.etag}"',
            "last-modified": f"{stored.modified:%a, %d %b %Y %H:%M:%S GMT}",
            "accept-ranges": "bytes",
            **{f"{_METADATA}{name}": value for name, value in stored.metadata.items()},
        }
        if request.method == "HEAD":
            return Response(headers={**headers, "content-length": str(stored.size)})
        content = stored.file.read_bytes()
        bounds = _RANGE.fullmatch(request.headers.get("range", ""))
        if bounds is None:
            return Response(content, headers=headers)
        first, last = int(bounds[1]), min(int(bounds[2] or stored.size), stored.size - 1)
        if first > last:
            raise RefusedError("InvalidRange", "The range can't be satisfied.", 416)
        headers["content-range"] = f"bytes {first}-{last}/{stored.size}"
        return Response(content[first : last + 1], 206, headers)

    def _list(self, query: Mapping[str, str]) -> Response:
        unknown = {*query} - {
            *("list-type", "prefix", "delimiter", "max-keys", "start-after"),
            *("continuation-token", "encoding-type", "x-id"),
        }
        if unknown:
            raise RefusedError("NotImplemented", f"localcloud does not model {min(unknown)}.", 501)
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        most = min(int(query.get("max-keys", _PAGE)), _PAGE)
        entries: dict[str, StoredObject | None] = {}  # None: a common prefix
        for stored in self._objects.below(prefix):
            rest = stored.key[len(prefix) :]
            folder, found, _ = rest.partition(delimiter) if delimiter else (rest, "", "")
            entries[prefix + folder + found if found else stored.key] = None if found else stored
        names = [name for name in sorted(entries) if name > after]
        page, more = names[:most], names[most:]
        encode = quote if query.get("encoding-type") == "url" else str
        lines = [
            f"<Name>{self._name}</Name><Prefix>{escape(encode(prefix))}</Prefix>",
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{most}</MaxKeys>",
            f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>",
        ]
        if more:
            lines.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
        lines.extend(_entry(escape(encode(name)), entries[name]) for name in page)
        return _xml("ListBucketResult", "".join(lines))

    def _delete_many(self, request: S3Request) -> Response:
        digest = base64.b64encode(hashlib.md5(request.body, usedforsecurity=False).digest())
        if request.headers.get("content-md5") != digest.decode():
            raise RefusedError("InvalidRequest", "Content-MD5 is missing or wrong.", 400)
        try:
            document = ET.fromstring(request.body)  # noqa: S314 - of the key's owner alone
        except ET.ParseError as error:
            raise RefusedError("MalformedXML", str(error), 400) from None
        keys = [element.text or "" for element in document.iter() if element.tag.endswith("Key")]
        for key in keys:
            self._objects.delete(key)
        deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        return _xml("DeleteResult", deleted)

    def _begin(self, key: str, request: S3Request) -> Response:
        identity = uuid.uuid4().hex
        with self._lock:
            self._uploads[identity] = _Upload(key, _metadata(request))
        names = f"<Bucket>{self._name}</Bucket><Key>{escape(key)}</Key>"
        return _xml("InitiateMultipartUploadResult", f"{names}<UploadId>{identity}</UploadId>")

    def _upload(self, identity: str) -> "_Upload":
        with self._lock:
            upload = self._uploads.get(identity)
        if upload is None:
            raise RefusedError("NoSuchUpload", "The upload does not exist.", 404)
        return upload

    def _complete(self, identity: str) -> Response:
        upload = self._upload(identity)
        content = b"".join(upload.parts[number] for number in sorted(upload.parts))
        etag = self._objects.put(upload.key, content, upload.metadata)
        with self._lock:
            self._uploads.pop(identity, None)
        names = f"<Bucket>{self._name}</Bucket><Key>{escape(upload.key)}</Key>"
        return _xml("CompleteMultipartUploadResult", f'{names}<ETag>"{etag}"</ETag>')


class _Upload:
    """An object that arrives in parts; a restart of the API server forgets it."""

    def __init__(self, key: str, metadata: Mapping[str, str]) -> None:
        self.key, self.metadata = key, metadata
        self.parts: dict[int, bytes] = {}

    def part(self, number: int, content: bytes) -> Response:
        self.parts[number] = content
        return _stored(hashlib.md5(content, usedforsecurity=False).hexdigest())


def _metadata(request: S3Request) -> dict[str, str]:
    return {
        name.removeprefix(_METADATA): value
        for name, value in request.headers.items()
        if name.startswith(_METADATA)
    }


def _stored(etag: str) -> Response:
    return Response(headers={"etag": f'"{etag}"'})


def _entry(name: str, stored: StoredObject | None) -> str:
    if stored is None:
        return f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"
    return (
        f"<Contents><Key>{name}</Key><Size>{stored.size}</Size>"
        f"<LastModified>{stored.modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
        f'<ETag>"{stored.etag}"</ETag><StorageClass>STANDARD</StorageClass></Contents>'
    )


def _xml(root: str, body: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{_NAMESPACE}">{body}</{root}>'
    return Response(text, media_type="application/xml")


def _refused(error: RefusedError) -> Response:
    text = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?><Error>{text}</Error>',
        error.status,
        media_type="application/xml",
    )


def _not_modelled(request: S3Request) -> RefusedError:
    name = f"{request.method} {request.path}" + (f"?{request.query}" if request.query else "")
    return RefusedError("NotImplemented", f"localcloud does not model {name}.", 501)
