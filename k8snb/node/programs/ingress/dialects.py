"""In what ingress controllers differ: how a path matches, and what they answer when something is missing or broken.

The Ingress API fixes Exact and Prefix; everything below is a controller's own choice. Sources are the controllers' own
documents and defaults: ingress-nginx 1.13, Traefik 3.5, Contour 1.33 (Envoy), HAProxy Technologies' controller 3.1.

What becomes of a rule whose Service or port does not exist: ingress-nginx keeps the location with an upstream without
servers, hence 503 (``internal/ingress/controller``, ``getBackendServers``; ``rootfs/etc/nginx/lua/balancer.lua``). The others
report an error and go on without the rule, so that whatever else matches answers, in the end their 404: Contour
(``internal/dag/ingress_processor.go``: "unresolved service reference"), HAProxy's controller (``pkg/service/service.go``: ``New``
and ``GetBackendName`` return an error, "no service port matching"), Traefik (``pkg/provider/kubernetes/ingress/kubernetes.go``),
which also drops Services without endpoints unless ``allowEmptyServices`` is set (its documentation; traefik issue 9242).
"""

from __future__ import annotations

from typing import Final

import msgspec

NGINX_PAGE: Final = (
    "<html>\r\n<head><title>{code} {text}</title></head>\r\n<body>\r\n<center><h1>{code} {text}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
HAPROXY_PAGE: Final = "<html><body><h1>{code} {text}</h1>\n{why}\n</body></html>\n"


class Dialect(msgspec.Struct, frozen=True):
    """One controller: ``controller`` is what an IngressClass names, ``program`` how its process is called.

    ``slashes`` tells whether Prefix ends at a slash (``/foo`` does not match ``/foobar``), as the API wants it; ``spills``
    whether a request whose host matches and whose path does not may still go to a rule without host. ``missing`` is the
    status for a Service or port that does not exist (404: the rule is left out), ``empty`` for one without ready endpoints,
    ``refused`` when an endpoint refuses the connection, ``late`` when it does not answer in ``patience`` seconds (0: waits
    for ever); ``dial`` is how long it tries to connect and ``undialled`` the status after that. ``file`` is where its
    container has the configuration, ``gateway`` what a GatewayClass names (empty: it does not know the Gateway API).
    ``redirect`` is the status that sends http to https where a host has TLS (0: none). ``tries`` endpoints are tried before
    it gives up.
    """

    name: str
    controller: str
    program: str
    image: str
    slashes: bool = True
    spills: bool = False
    missing: int = 503
    empty: int = 503
    refused: int = 502
    late: int = 504
    patience: float = 60.0
    dial: float = 5.0
    undialled: int = 504
    redirect: int = 0
    tries: int = 1
    server: str = ""
    file: str = ""
    gateway: str = ""

    def page(self, code: int) -> str:
        """The body of an answer that is the controller's own."""
        text = PHRASES.get(code, "")
        match self.name:
            case "nginx":
                return NGINX_PAGE.format(code=code, text=text)
            case "traefik":
                return {404: "404 page not found\n", 503: "no available server\n"}.get(code, f"{text}\n")
            case "contour":
                return {
                    503: "no healthy upstream",
                    504: "upstream request timeout",
                }.get(code, "")
        if code == 404:
            return "default backend - 404"
        why = {503: "No server is available to handle this request.", 504: "The server didn't respond in time."}
        return HAPROXY_PAGE.format(code=code, text=text, why=why.get(code, ""))

    def broken(self, timed_out: bool) -> str:
        """The body when no connection to an endpoint came about."""
        if self.name == "contour":
            reason = "connection timeout" if timed_out else "delayed connect error: 111"
            return f"upstream connect error or disconnect/reset before headers. reset reason: {reason}"
        return self.page(self.undialled if timed_out else self.refused)


PHRASES: Final = {
    301: "Moved Permanently", 302: "Found", 308: "Permanent Redirect", 404: "Not Found", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
}  # fmt: skip

DIALECTS: Final[tuple[Dialect, ...]] = (
    Dialect("nginx", "k8s.io/ingress-nginx", "nginx-ingress-controller", "registry.k8s.io/ingress-nginx/controller:v1.13.0",
            redirect=308, tries=3, server="nginx", file="/etc/nginx/nginx.conf"),
    Dialect("traefik", "traefik.io/ingress-controller", "traefik", "docker.io/library/traefik:v3.5",
            slashes=False, spills=True, missing=404, empty=404, patience=0.0, dial=30.0, file="/etc/traefik/dynamic.yml",
            gateway="traefik.io/gateway-controller"),
    Dialect("contour", "projectcontour.io/ingress-controller", "contour", "ghcr.io/projectcontour/contour:v1.33.0",
            missing=404, refused=503, patience=15.0, dial=2.0, undialled=503, redirect=301, server="envoy",
            file="/config/envoy.yaml", gateway="projectcontour.io/gateway-controller"),
    Dialect("haproxy", "haproxy.org/ingress-controller", "haproxy-ingress-controller", "docker.io/haproxytech/kubernetes-ingress:3.1",
            missing=404, refused=503, patience=50.0, dial=5.0, undialled=503, redirect=302, tries=3, file="/etc/haproxy/haproxy.cfg"),
)  # fmt: skip
"""The controllers, by name: nginx, traefik, contour (Envoy), haproxy."""


def dialect(name: str) -> Dialect | None:
    """A controller by name or by its process."""
    return next((d for d in DIALECTS if name in (d.name, d.program)), None)
