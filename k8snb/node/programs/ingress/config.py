"""The configuration that each controller generates from the routes, as text; short, but with the lines that decide.

Endpoints are not part of nginx's file (its Lua balancer is told of them without a reload), so only changes of hosts, paths
and Services make it load its configuration anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from k8snb.client.view import View
from k8snb.node.programs.ingress.dialects import Dialect
from k8snb.node.programs.ingress.route import Route
from k8snb.node.programs.ingress.rules import endpoints_of, has_tls


def _by_host(routes: Iterable[Route]) -> dict[str, list[Route]]:
    hosts: dict[str, list[Route]] = {}
    for route in routes:
        hosts.setdefault(route.host, []).append(route)
    return hosts


def _upstream(route: Route) -> str:
    namespace = route.namespace or route.ingress.partition("/")[0]
    return f"{namespace}-{route.service}-{route.port}"


def _nginx(routes: list[Route], view: View, dialect: Dialect) -> str:
    lines = ["# endpoints are set by Lua", "http {", "\tupstream upstream_balancer {"]
    balancer = "balancer_by_lua_file /etc/nginx/lua/nginx/ngx_conf_balancer.lua;"
    lines += ["\t\tserver 0.0.0.1; # placeholder", f"\t\t{balancer}", "\t}"]
    hosts = _by_host(routes)
    for host in ["", *(h for h in hosts if h)]:
        name = "_" if not host else host if not host.startswith("*.") else rf"~^(?<subdomain>[\w-]+)\.{host[2:]}$"
        lines += ["\tserver {", f"\t\tserver_name {name};", "\t\tlisten 80;", "\t\tlisten 443 ssl;"]
        for route in hosts.get(host, ()):
            for where in _locations(route):
                lines += [f"\t\tlocation {where} {{", f'\t\t\tset $proxy_upstream_name "{_upstream(route)}";']
                if has_tls(view, dialect, host) and host:
                    lines.append("\t\t\tset $force_ssl_redirect true;")
                if route.rewrite:
                    lines.append(f'\t\t\trewrite "(?i){route.path}" {route.rewrite} break;')
                lines += ["\t\t\tproxy_connect_timeout 5s;", "\t\t\tproxy_read_timeout 60s;",
                          "\t\t\tproxy_next_upstream error timeout;", "\t\t\tproxy_next_upstream_tries 3;",
                          "\t\t\tproxy_pass http://upstream_balancer;", "\t\t}"]  # fmt: skip
        if not any(r.path == "/" and r.sort != "Exact" for r in hosts.get(host, ())):
            lines += ["\t\tlocation / {", '\t\t\tset $proxy_upstream_name "upstream-default-backend";',
                      "\t\t\tproxy_pass http://upstream_balancer;", "\t\t}"]  # fmt: skip
        lines.append("\t}")
    return "\n".join([*lines, "}", ""])


def _locations(route: Route) -> list[str]:
    if route.regex:
        return [f'~* "^{route.path}"']
    if route.sort == "Exact":
        return [f"= {route.path}"]
    trimmed = route.path.rstrip("/")
    return [f"{trimmed}/", f"= {trimmed}"] if trimmed else ["/"]


def _traefik(routes: list[Route], view: View, dialect: Dialect) -> str:
    lines = ["http:", "  routers:"]
    services: dict[str, list[str]] = {}
    for number, route in enumerate(routes):
        ends = endpoints_of(route, view)
        if not ends and not route.gateway:
            continue  # allowEmptyServices is off: a Service without endpoints makes no router, hence 404
        parts = [] if not route.host else [f"Host(`{route.host}`)"]
        if route.host.startswith("*."):
            parts = [rf"HostRegexp(`^[a-zA-Z0-9-]+\.{route.host[2:]}$`)"]
        path = {"Exact": "Path", "RegularExpression": "PathRegexp"}.get(route.sort, "PathPrefix")
        parts.append(f"{path}(`{route.path}`)")
        parts += [f"Method(`{route.method}`)"] if route.method else []
        parts += [f"Header{'Regexp' if w.regex else ''}(`{w.name}`,`{w.value}`)" for w in route.headers]
        parts += [f"Query{'Regexp' if w.regex else ''}(`{w.name}`,`{w.value}`)" for w in route.query]
        provider = "kubernetesgateway" if route.gateway else "kubernetes"
        name = f"{route.ingress.replace('/', '-')}-{number}@{provider}"
        service = f"{_upstream(route)}@{provider}"
        lines += [f"    {name}:", f"      rule: {' && '.join(parts)}", f"      service: {service}"]
        if len(route.backends) > 1:
            lines[-1] = f"      service: {name.replace('@', '-wrr@')}"
            shares = [f"            - {{ name: {b.service}-{b.port}, weight: {b.weight} }}" for b in route.backends]
            services[name.replace("@", "-wrr@")] = ["      weighted:", "        services:", *shares]
            continue
        urls = [f"            - url: http://{a}:{p}" for a, p in ends]
        services[service] = ["      loadBalancer:", "        servers:", *urls]
    lines.append("  services:")
    for service, body in services.items():
        lines += [f"    {service}:", *body]
    return "\n".join([*lines, ""])


def _contour(routes: list[Route], view: View, dialect: Dialect) -> str:
    lines = ["# Envoy, RDS ingress_http"]
    for host, own in _by_host(routes).items():
        lines += [f"- name: {host or '*'}", f'  domains: ["{host or "*"}"]', "  routes:"]
        for route in own:
            if route.sort == "Exact":
                match = f'path: "{route.path}"'
            else:
                match = f'path_separated_prefix: "{route.path.rstrip("/")}"' if route.path != "/" else 'prefix: "/"'
            more = [*([f'{{ name: ":method", exact: "{route.method}" }}'] if route.method else []),
                    *(f'{{ name: "{w.name}", {"regex" if w.regex else "exact"}: "{w.value}" }}' for w in route.headers)]  # fmt: skip
            match += f", headers: [{', '.join(more)}]" if more else ""
            target = f"cluster: {_upstream(route).replace('-', '/')}"
            if len(route.backends) > 1:
                shares = (f"{{ name: {b.namespace}/{b.service}/{b.port}, weight: {b.weight} }}" for b in route.backends)
                target = f"weighted_clusters: [{', '.join(shares)}]"
            lines += [f"  - match: {{ {match} }}", f"    route: {{ {target}, timeout: 15s }}"]
    lines.append("# EDS")
    for route in routes:
        ends = ", ".join(f"{a}:{p}" for a, p in endpoints_of(route, view))
        lines.append(f"- {_upstream(route).replace('-', '/')}: [{ends}]  # connect_timeout 2s")
    return "\n".join([*dict.fromkeys(lines), ""])


def _haproxy(routes: list[Route], view: View, dialect: Dialect) -> str:
    lines = ["frontend http", "  bind :80", "  http-request set-var(txn.base) base"]
    for route in routes:
        test = "path" if route.sort == "Exact" else "path_beg"
        host = f"{{ hdr(host) -i {route.host} }} " if route.host else ""
        path = route.path if route.sort == "Exact" or route.path == "/" else f"{route.path.rstrip('/')}/"
        also = f" or {host}{{ path {route.path} }}" if path.endswith("/") and path != "/" else ""
        lines.append(f"  use_backend {_upstream(route).replace('-', '_')} if {host}{{ {test} {path} }}{also}")
    lines.append("  default_backend haproxy-controller_default-local-service_http")
    for route in {_upstream(r): r for r in routes}.values():
        lines += [
            "",
            f"backend {_upstream(route).replace('-', '_')}",
            "  balance roundrobin",
            "  timeout connect 5s",
            "  timeout server 50s",
        ]
        lines += [f"  server SRV_{i} {a}:{p} check" for i, (a, p) in enumerate(endpoints_of(route, view), 1)]
    return "\n".join([*lines, ""])


WRITERS: Mapping[str, Callable[[list[Route], View, Dialect], str]] = {
    "nginx": _nginx, "traefik": _traefik, "contour": _contour, "haproxy": _haproxy,
}  # fmt: skip
"""Controller -> how its configuration is written."""


def config(routes: list[Route], view: View, dialect: Dialect) -> str:
    """The generated configuration."""
    return WRITERS[dialect.name](routes, view, dialect)
