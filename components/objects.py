"""The objects of a service in its namespace of a cluster: their names, what its pods need first."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import pods
from components.cluster_plan import Certificate
from components.image import Registry

# https://kubernetes.io/docs/concepts/security/pod-security-standards/
RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
}


class Objects:
    """Makes the objects of a service as children of a component, by a provider of their cluster."""

    def __init__(
        self,
        service: str,
        parent: pulumi.Resource,
        *,
        cluster_id: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
    ) -> None:
        self._service, self._parent = service, parent
        self._provider = kubernetes.Provider(
            f"{service}-kubernetes",
            kubeconfig=kubeconfig,
            # another address or user of the same cluster replaces nothing
            cluster_identifier=cluster_id,
            enable_server_side_apply=True,
            opts=pulumi.ResourceOptions(parent=parent),
        )

    def metadata(self, name: pulumi.Input[str] = "", annotations: Any = None) -> dict[str, Any]:
        """Return an object's metadata; without a name it has the service's."""
        metadata: dict[str, Any] = {
            "name": name or self._service,
            "namespace": self._service,
            "labels": pods.labels(self._service),
        }
        return {**metadata, "annotations": annotations} if annotations else metadata

    def options(self, *after: pulumi.Resource, **options: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self._parent, provider=self._provider, depends_on=list(after), **options
        )

    def namespace(self) -> pulumi.Resource:
        """Make the namespace, which lets in pods of the profile `restricted` alone."""
        return kubernetes.core.v1.Namespace(
            f"{self._service}-namespace",
            metadata={
                "name": self._service,
                "labels": {**pods.labels(self._service), **RESTRICTED},
            },
            opts=self.options(),
        )

    def account(self, namespace: pulumi.Resource) -> pulumi.Resource:
        """Make the identity of the pods, which has no right in the cluster, and no token."""
        return kubernetes.core.v1.ServiceAccount(
            f"{self._service}-account",
            metadata=self.metadata(),
            automount_service_account_token=False,
            opts=self.options(namespace),
        )

    def login(self, namespace: pulumi.Resource, registry: Registry) -> pulumi.Resource:
        """Make the Secret with the login for images."""

        def document(password: str) -> dict[str, str]:
            text = pods.login(
                server=registry.server, username=registry.pull.username, password=password
            )
            return {".dockerconfigjson": text}

        return self._secret(
            "registry",
            namespace,
            name=pods.REGISTRY,
            content=registry.pull.password.apply(document),
            kind="kubernetes.io/dockerconfigjson",
        )

    def secrets(
        self,
        namespace: pulumi.Resource,
        secrets: Mapping[str, pulumi.Input[str]],
        *,
        stays: bool = False,
    ) -> tuple[pulumi.Resource, pulumi.Output[str]]:
        """Make the Secret with the files of the container, and return it with its name.

        With `stays` another content leaves it there, for pods of earlier releases.
        """
        return self._by_content("secrets", namespace, secrets, self._service, "Opaque", stays=stays)

    def certificate(
        self, namespace: pulumi.Resource, certificate: Certificate
    ) -> tuple[pulumi.Resource, pulumi.Output[str]]:
        """Make the Secret with a certificate and its key, and return it with its name."""
        content: dict[str, pulumi.Input[str]] = {
            "tls.crt": certificate.chain,
            "tls.key": certificate.key,
        }
        return self._by_content("certificate", namespace, content, "tls", "kubernetes.io/tls")

    def _by_content(
        self,
        slug: str,
        namespace: pulumi.Resource,
        content: Mapping[str, pulumi.Input[str]],
        prefix: str,
        kind: str,
        *,
        stays: bool = False,
    ) -> tuple[pulumi.Resource, pulumi.Output[str]]:
        """Make a Secret with a name of its content, which can't change."""
        known: pulumi.Output[Any] = pulumi.Output.all(**content)
        name = pulumi.Output.unsecret(known.apply(lambda text: f"{prefix}-{pods.digest(text)}"))
        secret = self._secret(
            slug, namespace, name=name, content=known, kind=kind, immutable=True, stays=stays
        )
        return secret, name

    def _secret(
        self,
        slug: str,
        namespace: pulumi.Resource,
        *,
        name: pulumi.Input[str],
        content: pulumi.Output[Any],
        kind: str,
        immutable: bool = False,
        stays: bool = False,
    ) -> pulumi.Resource:
        return kubernetes.core.v1.Secret(
            f"{self._service}-{slug}",
            metadata=self.metadata(name),
            type=kind,
            string_data=pulumi.Output.secret(content),
            immutable=immutable,
            opts=self.options(namespace, retain_on_delete=stays),
        )


def awaited(seconds: int) -> dict[str, str]:
    """Return the annotation that ends the plugin's wait; its own limit is ten minutes."""
    return {"pulumi.com/timeoutSeconds": str(seconds)}
