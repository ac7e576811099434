"""The objects of a release in the cluster: their names, as the program gives them, and paths."""

SERVICE = "auth"  # the namespace, the Deployment and the container
_NAMESPACED = f"namespaces/{SERVICE}"

DEPLOYMENT = f"/apis/apps/v1/{_NAMESPACED}/deployments/{SERVICE}"
REPLICA_SETS = f"/apis/apps/v1/{_NAMESPACED}/replicasets"
PODS = f"/api/v1/{_NAMESPACED}/pods"
BALANCER = f"/api/v1/{_NAMESPACED}/services/{SERVICE}"
SECRETS = f"/api/v1/{_NAMESPACED}/secrets"
EVENTS = f"/api/v1/{_NAMESPACED}/events"
JOBS = f"/apis/batch/v1/{_NAMESPACED}/jobs"
SCALER = f"/apis/autoscaling/v2/{_NAMESPACED}/horizontalpodautoscalers/{SERVICE}"
NODES = "/api/v1/nodes"

MIGRATION = f"{SERVICE}-migrate-"  # the begin of a Job's name
LABEL = f"app.kubernetes.io/name={SERVICE}"
FORMER_NUMBERS = "deployment.kubernetes.io/revision-history"
TEMPLATE_HASH = "pod-template-hash"
