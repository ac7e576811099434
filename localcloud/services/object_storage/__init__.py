"""Object Storage by its native API: buckets. Their objects have the S3-compatible API."""

from localcloud.service import Service

SERVICE = Service(
    title="Object Storage", version="n", clients=("oci_object_storage.ObjectStorageClient",)
)
