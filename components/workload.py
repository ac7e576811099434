"""A workload: a service in a cluster, as a Deployment of several pods behind a load balancer."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import (
    attempts,
    entrance,
    former_secrets,
    objects,
    observed_workload,
    planned_release,
    pods,
    summary,
)
from components.cluster_api import UnreachableError
from components.cluster_plan import Replicas
from components.entrance import Entrance
from components.image import Registry
from components.objects import Objects
from components.observed_workload import CAUSE, FAILED, NUMBER, ObservedWorkload
from components.planned_release import PLANNED
from components.release import acting_person
from host.auth_release.desired import Desired, Health, Limits

_MIGRATION_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """The desired state of a service in a cluster; times in seconds."""

    cluster_id: pulumi.Input[str]
    kubeconfig: pulumi.Input[str]
    image: pulumi.Input[str]  # by digest: a tag can move without this input changing
    revision: str  # of the sources that the image is built from
    registry: Registry
    port: int
    environment: dict[str, pulumi.Input[str]]
    # files in the container, whose paths are in the variables NAME_FILE
    secrets: dict[str, pulumi.Input[str]]
    uid: int
    replicas: Replicas
    migration: Sequence[str]  # a command in a container of the new image, before it serves
    entrance: Entrance
    clients: Sequence[str]  # the IPv4 blocks of the balancer and the nodes
    mark_key: pulumi.Input[str]  # secret: makes the marks in the place of variables' values
    health: Health = field(default_factory=Health)
    live_path: str = "/healthz"
    limits: Limits = field(default_factory=Limits)
    end_seconds: int = Desired.stop_seconds  # from the signal to the end of a container


class Workload(pulumi.ComponentResource):
    """The releases of a service in a cluster, each a ReplicaSet of its Deployment.

    A Job migrates the database first. Then pods are replaced one by one, each after another is
    ready in its place. If a new pod is not ready in time the update fails, and the pods of the
    former release go on. Secrets are named by their content. They stay in the cluster for as long
    as Kubernetes keeps a release that needs them, so that it can run again.

    The number of the release is planned from the observed state: drift or a rollback in the
    cluster needs a new release, with a new number, which a preview shows as a change.
    """

    number: pulumi.Output[int]

    def __init__(
        self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # a component's inputs are for readers: a preview shows their changes
        super().__init__("auth:workload:Workload", name, summarized(args), opts)
        self._name, self._args = name, args
        self._objects = Objects(name, self, cluster_id=args.cluster_id, kubeconfig=args.kubeconfig)
        namespace = self._objects.namespace()
        account = self._objects.account(namespace)
        login = self._objects.login(namespace, args.registry)
        secrets, secrets_name = self._objects.secrets(namespace, args.secrets, stays=True)
        pod = self._pod(secrets_name)
        migration = self._migrate(pod, [account, login, secrets])
        deployment = self._deploy(pod, [account, login, secrets, migration])
        self._bound(namespace, deployment)
        self.service = self._serve(namespace)
        self.number = deployment.metadata.apply(
            lambda metadata: int((metadata.annotations or {}).get(NUMBER, "1"))
        )
        self.register_outputs({"number": self.number})

    def _pod(self, secrets_name: pulumi.Output[str]) -> pods.Pod:
        args = self._args
        return pods.Pod(
            service=self._name,
            image=args.image,
            revision=args.revision,
            port=args.port,
            uid=args.uid,
            variables=args.environment,
            secrets=secrets_name,
            secret_names=sorted(args.secrets),
            health=args.health,
            live_path=args.live_path,
            limits=args.limits,
            end_seconds=args.end_seconds,
        )

    def _migrate(self, pod: pods.Pod, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        """Run the migration of the database, named by its content, until it succeeds once."""
        spec: Any = pod.job(self._args.migration, seconds=_MIGRATION_SECONDS)
        base = _digest(spec).apply(lambda digest: f"{self._name}-migrate-{digest}")
        name = attempts.planned(base, kubeconfig=self._args.kubeconfig, service=self._name)
        return kubernetes.batch.v1.Job(
            f"{self._name}-migration",
            metadata=self._objects.metadata(
                name=name, annotations=objects.awaited(_MIGRATION_SECONDS + pods.LEAVE_SECONDS)
            ),
            spec=spec,
            opts=self._objects.options(*after),
        )

    def _deploy(
        self, pod: pods.Pod, after: Sequence[pulumi.Resource]
    ) -> kubernetes.apps.v1.Deployment:
        args, replicas = self._args, self._args.replicas
        fingerprint = _digest(pod.template())
        observed = self._observed()
        spec: Any = pods.deployment(pod, replicas=replicas.least, fingerprint=fingerprint)
        planned = pulumi.Output.all(fingerprint=fingerprint, observed=observed).apply(self._planned)
        wait = pods.rollout_seconds(args.health, most=replicas.most)
        annotations = {
            **{key: _item(planned, key) for key in (PLANNED, CAUSE, FAILED)},
            **objects.awaited(wait),
            # over the fields of a rollback, which another client of the cluster changed
            "pulumi.com/patchForce": "true",
        }
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=self._objects.metadata(annotations=annotations),
            spec=spec,
            opts=self._objects.options(
                *after,
                # the autoscaler has the number of pods from the first update on
                ignore_changes=["spec.replicas"] if replicas.most > replicas.least else None,
                # when the pods are ready, and Kubernetes has deleted its oldest ReplicaSet
                hooks=pulumi.ResourceHookBinding(
                    after_create=[self._delete_former_secrets],
                    after_update=[self._delete_former_secrets],
                ),
            ),
        )

    async def _delete_former_secrets(self, _: pulumi.ResourceHookArgs) -> None:
        kubeconfig = await pulumi.Output.from_input(self._args.kubeconfig).future()
        try:
            await former_secrets.delete(str(kubeconfig), self._name)
        except UnreachableError as error:
            # an error of a hook would be one of the update
            pulumi.log.warn(
                f"The Secrets that no release needs stay until the next release: {error}", self
            )

    def _observed(self) -> pulumi.Output[ObservedWorkload | UnreachableError | None]:
        async def read(
            kubeconfig: str,
        ) -> ObservedWorkload | UnreachableError | None:
            try:
                observed = await observed_workload.read(kubeconfig, self._name)
            except UnreachableError as error:
                pulumi.log.warn(
                    f"The cluster gives no answer about its releases ({error}), so a rollback "
                    "there is not detected.",
                    self,
                )
                return error
            # also in a preview that builds an image, which knows no more than this
            if observed and observed.serving is not None:
                pulumi.log.warn(planned_release.not_serving(observed), self)
            return observed

        return pulumi.Output.from_input(self._args.kubeconfig).apply(read)

    def _planned(self, known: dict[str, Any]) -> dict[str, str]:
        """Return the annotations that plan the release; warn of what a preview should show."""
        observed, revision = known["observed"], self._args.revision
        if isinstance(observed, UnreachableError):
            return {PLANNED: "unknown", CAUSE: planned_release.cause(revision, ""), FAILED: ""}
        number, reason = planned_release.planned_number(observed, known["fingerprint"])
        if reason:
            pulumi.log.warn(reason, self)
        is_live = observed is not None and observed.number == number
        return {
            PLANNED: str(number),
            FAILED: planned_release.failed_releases(observed),
            # of an unchanged release it stays, for each person who runs the program
            CAUSE: observed.cause if is_live else planned_release.cause(revision, acting_person()),
        }

    def _bound(self, namespace: pulumi.Resource, deployment: pulumi.Resource) -> None:
        """Bound the pods: how many may be away, how many there may be, and whom they talk to."""
        args, name = self._args, self._name
        kubernetes.policy.v1.PodDisruptionBudget(
            f"{name}-disruption-budget",
            metadata=self._objects.metadata(),
            spec={
                "max_unavailable": 1,
                # a pod that serves nobody may go
                "unhealthy_pod_eviction_policy": "AlwaysAllow",
                "selector": {"match_labels": pods.serving(name)},
            },
            opts=self._objects.options(namespace),
        )
        scaling: Any = pods.scaling(name, least=args.replicas.least, most=args.replicas.most)
        if args.replicas.most > args.replicas.least:
            kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
                f"{name}-autoscaler",
                metadata=self._objects.metadata(),
                spec=scaling,
                opts=self._objects.options(deployment),
            )
        policy: Any = pods.policy(name, args.port, clients=args.clients)
        kubernetes.networking.v1.NetworkPolicy(
            f"{name}-network-policy",
            metadata=self._objects.metadata(),
            spec=policy,
            opts=self._objects.options(namespace),
        )

    def _serve(self, namespace: pulumi.Resource) -> kubernetes.core.v1.Service:
        """Ask for the load balancer, with the certificate in a Secret named by its content."""
        way_in, after = self._args.entrance, [namespace]
        tls_secret: pulumi.Output[str] = pulumi.Output.from_input("")
        if way_in.certificate:
            secret, tls_secret = self._objects.certificate(namespace, way_in.certificate)
            after.append(secret)
        annotations = pulumi.Output.all(
            subnet_id=way_in.subnet_id, nsg_id=way_in.nsg_id, tls_secret=tls_secret
        ).apply(lambda known: entrance.annotations(**known))
        spec: Any = entrance.service(
            pods.serving(self._name),
            self._args.port,
            address=way_in.address,
            is_https=way_in.certificate is not None,
        )
        return kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata=self._objects.metadata(annotations=annotations),
            spec=spec,
            opts=self._objects.options(*after),
        )


def _item(document: pulumi.Output[dict[str, str]], key: str) -> pulumi.Output[str]:
    return document.apply(lambda known: known[key])


def _digest(document: Any) -> pulumi.Output[str]:
    return pulumi.Output.unsecret(pulumi.Output.from_input(document).apply(pods.digest))


def summarized(args: WorkloadArgs) -> dict[str, pulumi.Input[object]]:
    """Return the desired state without secrets: each variable has a mark in its value's place."""
    return {
        "image": args.image,
        "revision": args.revision,
        "environment": summary.marks(args.mark_key, args.environment),
        "secrets": summary.marks(args.mark_key, args.secrets),
        "settings": {
            "port": args.port,
            "replicas": dataclasses.asdict(args.replicas),
            "health": dataclasses.asdict(args.health),
            "limits": dataclasses.asdict(args.limits),
            "certificate": args.entrance.certificate is not None,
        },
    }
