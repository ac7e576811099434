"""Node pools: instances of one shape that are nodes of a cluster."""

from typing import ClassVar

from pydantic import Field

from localcloud.api import errors
from localcloud.api.wire import Details
from localcloud.resources import LifecycleResource, TagDetails, Tags
from localcloud.services.container_engine.node import (
    CreateNodeShapeConfigDetails,
    KeyValue,
    Node,
    NodeEvictionNodePoolSettings,
    NodePoolPlacementConfigDetails,
    NodeSourceViaImageDetails,
)

_MOST_NODES = 10


class NodePoolNodeConfigDetails(Details):
    """The number of the nodes, and their places."""

    size: int = Field(ge=0, le=_MOST_NODES)
    nsg_ids: list[str] = Field(default_factory=list)
    placement_configs: list[NodePoolPlacementConfigDetails] = Field(min_length=1)


class NodePool(LifecycleResource):
    """A node pool."""

    kind: ClassVar[str] = "nodepool"
    title: ClassVar[str] = "Node Pool"
    busy: ClassVar[frozenset[str]] = frozenset({"CREATING", "UPDATING", "DELETING"})
    hidden: ClassVar[frozenset[str]] = frozenset({"time_created", "ordinal"})
    id: str
    name: str
    cluster_id: str
    kubernetes_version: str
    node_shape: str
    node_shape_config: CreateNodeShapeConfigDetails | None = None
    node_source_details: NodeSourceViaImageDetails
    node_config_details: NodePoolNodeConfigDetails
    initial_node_labels: list[KeyValue] = Field(default_factory=list)
    node_eviction_node_pool_settings: NodeEvictionNodePoolSettings | None = None
    ssh_public_key: str = ""
    lifecycle_details: str | None = None
    nodes: list[Node] | None = None  # only in an answer
    ordinal: int = 0  # of the last node
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, str]] = Field(default_factory=dict)

    @property
    def failure(self) -> str | None:
        """The reason of the last failure."""
        return self.lifecycle_details


class CreateNodePoolDetails(TagDetails):
    """The request for a node pool."""

    compartment_id: str
    cluster_id: str
    name: str = Field(min_length=1, max_length=255)
    kubernetes_version: str | None = None  # absent: the cluster's
    node_shape: str
    node_shape_config: CreateNodeShapeConfigDetails | None = None
    node_source_details: NodeSourceViaImageDetails
    node_config_details: NodePoolNodeConfigDetails
    initial_node_labels: list[KeyValue] = Field(default_factory=list)
    node_eviction_node_pool_settings: NodeEvictionNodePoolSettings | None = None
    ssh_public_key: str = ""


class UpdateNodePoolNodeConfigDetails(Details):
    """The update of the number of nodes; their places stay."""

    size: int | None = Field(default=None, ge=0, le=_MOST_NODES)
    nsg_ids: list[str] | None = None
    placement_configs: list[NodePoolPlacementConfigDetails] | None = None


class UpdateNodePoolDetails(TagDetails):
    """The update of a node pool, which may repeat values that stay."""

    name: str | None = Field(default=None, min_length=1, max_length=255)
    kubernetes_version: str | None = None
    node_shape: str | None = None
    node_shape_config: CreateNodeShapeConfigDetails | None = None
    node_source_details: NodeSourceViaImageDetails | None = None
    node_config_details: UpdateNodePoolNodeConfigDetails | None = None
    initial_node_labels: list[KeyValue] | None = None
    node_eviction_node_pool_settings: NodeEvictionNodePoolSettings | None = None
    ssh_public_key: str | None = None
    node_metadata: dict[str, str] | None = None  # as the official plugin sends it, empty

    def refuse_changes(self, pool: NodePool) -> None:
        """Raise 501 for another value than the pool's, apart from name, tags and size."""
        config, present = self.node_config_details, pool.node_config_details
        pairs = [
            *((name, getattr(self, name), getattr(pool, name)) for name in STAYING),
            ("nodeMetadata", self.node_metadata, {}),
            ("nsgIds", config and config.nsg_ids, present.nsg_ids),
            ("placementConfigs", config and config.placement_configs, present.placement_configs),
        ]
        for name, wanted, known in pairs:
            if wanted is not None and wanted != known:
                raise errors.not_implemented(f"another {name} of a node pool")


STAYING = (
    *("kubernetes_version", "node_shape", "node_shape_config", "node_source_details"),
    *("initial_node_labels", "node_eviction_node_pool_settings", "ssh_public_key"),
)
