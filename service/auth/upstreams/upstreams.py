"""The upstreams that a service has."""

from collections.abc import Callable, Mapping, Sequence

from auth.thread_pool import Pool
from auth.upstreams.configuration import GITHUB, OPENID, Upstream
from auth.upstreams.github import GitHubProvider
from auth.upstreams.openid import OpenIdProvider
from auth.upstreams.providers import Provider

# requests to upstreams at once, and those that may wait
_THREADS, _PLACES = 4, 32
_PROVIDERS: Mapping[str, Callable[[Upstream, str, Pool], Provider]] = {
    OPENID: OpenIdProvider,
    GITHUB: GitHubProvider,
}


class Upstreams:
    """The providers by their ids, in the order of the configuration."""

    def __init__(self, upstreams: Sequence[Upstream], secrets: Mapping[str, str]) -> None:
        # without upstreams there are no threads
        self._pool: Pool | None = None
        self._by_id: dict[str, Provider] = {}
        if upstreams:
            self._pool = pool = Pool(_THREADS, places=_PLACES, name="upstream")
            self._by_id = {
                upstream.id: _PROVIDERS[upstream.kind](upstream, secrets[upstream.id], pool)
                for upstream in upstreams
            }

    def find(self, upstream_id: str) -> Provider | None:
        return self._by_id.get(upstream_id)

    def every(self) -> Sequence[Upstream]:
        return [provider.upstream for provider in self._by_id.values()]

    def close(self) -> None:
        if self._pool:
            self._pool.close()
