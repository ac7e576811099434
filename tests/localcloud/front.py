"""A Service of type LoadBalancer before the pods `web`, by Oracle's annotations."""

from tests.localcloud.balancer import Balancer, Service, certificate
from tests.localcloud.caller import eventually
from tests.localcloud.cluster import Cluster, Place
from tests.localcloud.machine import Network

FRONT = """
apiVersion: v1
kind: Service
metadata:
  name: front
  annotations:
    oci.oraclecloud.com/load-balancer-type: lb
    oci.oraclecloud.com/oci-network-security-groups: GROUP
    service.beta.kubernetes.io/oci-load-balancer-subnet1: SUBNET
    service.beta.kubernetes.io/oci-load-balancer-shape: flexible
    service.beta.kubernetes.io/oci-load-balancer-shape-flex-min: "10"
    service.beta.kubernetes.io/oci-load-balancer-shape-flex-max: "10"
    service.beta.kubernetes.io/oci-load-balancer-security-list-management-mode: None
    service.beta.kubernetes.io/oci-load-balancer-backend-protocol: HTTP
    service.beta.kubernetes.io/oci-load-balancer-health-check-interval: "1000"
    service.beta.kubernetes.io/oci-load-balancer-ssl-ports: "443"
    service.beta.kubernetes.io/oci-load-balancer-tls-secret: SECRET
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: https, port: 443, targetPort: 8080}
"""
_TLS_FILES = (("cert", "tls.crt"), ("key", "tls.key"))


def exposed(cluster: Cluster, place: Place) -> Balancer:
    """Make the Service, and return its load balancer once both nodes are healthy."""
    group = place.caller.group(place.vcn)
    network = Network(place.caller, place.vcn, None, place.subnet, group)
    network.let_in(80)
    network.let_in(443)
    applied(cluster, front_manifest(cluster, place, group.id, "first"))

    def address() -> str:
        (ingress,) = cluster.get("service", "front")["status"]["loadBalancer"].get("ingress", [{}])
        return str(ingress.get("ip", ""))

    eventually("the address", lambda: address() != "", True, seconds=60)
    service = Service(cluster.caller)
    uid = cluster.get("service", "front")["metadata"]["uid"]
    (made,) = service.client.list_load_balancers(cluster.caller.compartment, display_name=uid).data
    front = Balancer(service, made.id, address())
    front.wait_for_health("OK", "TCP-80")
    return front


def front_manifest(cluster: Cluster, place: Place, group_id: str, secret: str) -> str:
    details = certificate(secret)
    (cluster.folder / "tls.crt").write_text(details.public_certificate)
    (cluster.folder / "tls.key").write_text(details.private_key)
    files = (f"--{kind}={cluster.folder / name}" for kind, name in _TLS_FILES)
    cluster.kubectl("create", "secret", "tls", secret, *files)
    values = {"GROUP": group_id, "SUBNET": place.subnet.id, "SECRET": secret}
    text = FRONT
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def applied(cluster: Cluster, manifest: str) -> None:
    cluster.kubectl("apply", "--filename=-", stdin=manifest)
