"""The operations of a load balancer's parts: backend sets, backends, listeners, certificates."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from localcloud.api import errors, wire
from localcloud.api.operation import Call, Operation, Reply, body_fields
from localcloud.api.wire import Details
from localcloud.services.load_balancer import load_balancer, parts
from localcloud.services.load_balancer.health import set_of
from localcloud.services.load_balancer.load_balancer import LoadBalancer
from localcloud.services.load_balancer.parts import BackendSet
from localcloud.services.load_balancer.work_request import changes

_BALANCER = "/loadBalancers/{loadBalancerId}"
_SETS = f"{_BALANCER}/backendSets"
_SET = f"{_SETS}/{{backendSetName}}"
_BACKEND = f"{_SET}/backends/{{backendName}}"
_LISTENER = f"{_BALANCER}/listeners/{{listenerName}}"

P = TypeVar("P", bound=Details)


def _change(call: Call, make: Callable[[LoadBalancer], LoadBalancer]) -> LoadBalancer:
    return load_balancer.change(call.cloud, call.path["loadBalancerId"], make)


def _added(named: Mapping[str, P], name: str, part: P, what: str) -> dict[str, P]:
    if name in named:
        raise errors.conflict(f"The load balancer has a {what} '{name}' already.")
    return {**named, name: part}


def _replaced(named: Mapping[str, P], name: str, part: P) -> dict[str, P]:
    return {**_without(named, name), name: part}


def _without(named: Mapping[str, P], name: str) -> dict[str, P]:
    if name not in named:
        raise errors.not_found()
    return {each: part for each, part in named.items() if each != name}


def _create_set(call: Call) -> LoadBalancer:
    details = wire.read(parts.CreateBackendSetDetails, call.body)
    made = parts.backend_set(details.name, details)
    return _change(
        call,
        lambda balancer: _with_sets(
            balancer, _added(balancer.backend_sets, details.name, made, "backend set")
        ),
    )


def _with_sets(balancer: LoadBalancer, backend_sets: Mapping[str, BackendSet]) -> LoadBalancer:
    return balancer.changed(backend_sets=dict(backend_sets))


def _update_set(call: Call) -> LoadBalancer:
    details = wire.read(parts.UpdateBackendSetDetails, call.body)
    made = parts.backend_set(call.target, details)
    return _change(
        call,
        lambda balancer: _with_sets(balancer, _replaced(balancer.backend_sets, call.target, made)),
    )


def _delete_set(call: Call) -> LoadBalancer:
    def without(balancer: LoadBalancer) -> LoadBalancer:
        for listener in balancer.listeners.values():
            if listener.default_backend_set_name == call.target:
                raise errors.conflict(
                    f"The backend set '{call.target}' is used by the listener '{listener.name}'."
                )
        return _with_sets(balancer, _without(balancer.backend_sets, call.target))

    return _change(call, without)


def _update_checker(call: Call) -> LoadBalancer:
    checker = wire.read(parts.HealthChecker, call.body)
    return _change_set(call, lambda _: {"health_checker": checker})


def _change_set(call: Call, make: Callable[[BackendSet], Mapping[str, Any]]) -> LoadBalancer:
    """Change fields of the backend set that the path names."""
    name = call.path["backendSetName"]

    def changed(balancer: LoadBalancer) -> LoadBalancer:
        _, backend_set = set_of(call)
        new = backend_set.model_copy(update=dict(make(backend_set)))
        return _with_sets(balancer, _replaced(balancer.backend_sets, name, new))

    return _change(call, changed)


def _create_backend(call: Call) -> LoadBalancer:
    made = parts.backend(wire.read(parts.CreateBackendDetails, call.body))

    def added(backend_set: BackendSet) -> Mapping[str, Any]:
        if made.name in {each.name for each in backend_set.backends}:
            raise errors.conflict(
                f"The backend set '{backend_set.name}' has a backend '{made.name}' already."
            )
        return {"backends": [*backend_set.backends, made]}

    return _change_set(call, added)


def _update_backend(call: Call) -> LoadBalancer:
    details = wire.read(parts.UpdateBackendDetails, call.body)
    use = {name: getattr(details, name) for name in parts.UpdateBackendDetails.model_fields}

    def updated(backend_set: BackendSet) -> Mapping[str, Any]:
        _backend(backend_set, call.target)
        return {
            "backends": [
                each.model_copy(update=use) if each.name == call.target else each
                for each in backend_set.backends
            ]
        }

    return _change_set(call, updated)


def _delete_backend(call: Call) -> LoadBalancer:
    def without(backend_set: BackendSet) -> Mapping[str, Any]:
        _backend(backend_set, call.target)
        return {"backends": [each for each in backend_set.backends if each.name != call.target]}

    return _change_set(call, without)


def _backend(backend_set: BackendSet, name: str) -> parts.Backend:
    for each in backend_set.backends:
        if each.name == name:
            return each
    raise errors.not_found()


def _create_listener(call: Call) -> LoadBalancer:
    details = wire.read(parts.CreateListenerDetails, call.body)
    made = parts.listener(details.name, details)
    return _change(
        call,
        lambda balancer: balancer.changed(
            listeners=_added(balancer.listeners, details.name, made, "listener")
        ),
    )


def _update_listener(call: Call) -> LoadBalancer:
    made = parts.listener(call.target, wire.read(parts.ListenerDetails, call.body))
    return _change(
        call,
        lambda balancer: balancer.changed(
            listeners=_replaced(balancer.listeners, call.target, made)
        ),
    )


def _delete_listener(call: Call) -> LoadBalancer:
    return _change(
        call, lambda balancer: balancer.changed(listeners=_without(balancer.listeners, call.target))
    )


def _create_certificate(call: Call) -> LoadBalancer:
    details = wire.read(parts.CertificateDetails, call.body)
    return _change(call, lambda balancer: load_balancer.with_certificate(balancer, details))


def _delete_certificate(call: Call) -> LoadBalancer:
    def without(balancer: LoadBalancer) -> LoadBalancer:
        for listener in balancer.listeners.values():
            tls = listener.ssl_configuration
            if tls and tls.certificate_name == call.target:
                raise errors.conflict(
                    f"The certificate '{call.target}' is used by the listener '{listener.name}'."
                )
        keys = balancer.private_keys
        return balancer.changed(
            certificates=_without(balancer.certificates, call.target),
            private_keys={name: key for name, key in keys.items() if name != call.target},
        )

    return _change(call, without)


def _read(name: str, path: str, find: Callable[[Call], Any]) -> Operation:
    """Return an operation that answers a part, or a list of parts."""

    def answer(call: Call) -> Reply:
        found = find(call)
        is_list = isinstance(found, list)
        return Reply(body=[each.wire() for each in found] if is_list else found.wire())

    return Operation(name=name, method="GET", path=path, answer=answer)


def _balancer(call: Call) -> LoadBalancer:
    return call.cloud.store.get(LoadBalancer, call.path["loadBalancerId"])


def _fields(details: type[Details]) -> tuple[str, ...]:
    return tuple(body_fields(details))


OPERATIONS = (
    changes("CreateBackendSet", "POST", _SETS, _create_set, _fields(parts.CreateBackendSetDetails)),
    _read("ListBackendSets", _SETS, lambda call: list(_balancer(call).backend_sets.values())),
    _read("GetBackendSet", _SET, lambda call: set_of(call)[1]),
    changes("UpdateBackendSet", "PUT", _SET, _update_set, _fields(parts.UpdateBackendSetDetails)),
    changes("DeleteBackendSet", "DELETE", _SET, _delete_set),
    _read("GetHealthChecker", f"{_SET}/healthChecker", lambda call: set_of(call)[1].health_checker),
    changes(
        "UpdateHealthChecker",
        "PUT",
        f"{_SET}/healthChecker",
        _update_checker,
        _fields(parts.HealthChecker),
    ),
    changes(
        "CreateBackend",
        "POST",
        f"{_SET}/backends",
        _create_backend,
        _fields(parts.CreateBackendDetails),
    ),
    _read("ListBackends", f"{_SET}/backends", lambda call: set_of(call)[1].backends),
    _read("GetBackend", _BACKEND, lambda call: _backend(set_of(call)[1], call.target)),
    changes("UpdateBackend", "PUT", _BACKEND, _update_backend, _fields(parts.UpdateBackendDetails)),
    changes("DeleteBackend", "DELETE", _BACKEND, _delete_backend),
    changes(
        "CreateListener",
        "POST",
        f"{_BALANCER}/listeners",
        _create_listener,
        _fields(parts.CreateListenerDetails),
    ),
    changes("UpdateListener", "PUT", _LISTENER, _update_listener, _fields(parts.ListenerDetails)),
    changes("DeleteListener", "DELETE", _LISTENER, _delete_listener),
    changes(
        "CreateCertificate",
        "POST",
        f"{_BALANCER}/certificates",
        _create_certificate,
        _fields(parts.CertificateDetails),
    ),
    _read(
        "ListCertificates",
        f"{_BALANCER}/certificates",
        lambda call: list(_balancer(call).certificates.values()),
    ),
    changes(
        "DeleteCertificate",
        "DELETE",
        f"{_BALANCER}/certificates/{{certificateName}}",
        _delete_certificate,
    ),
)
