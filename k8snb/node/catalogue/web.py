"""Web servers and proxies."""

from __future__ import annotations

from k8snb.api.frozen import FrozenDict
from k8snb.node.app import MEBIBYTE, App, Listener
from k8snb.node.images import MEGABYTE, Image

NGINX_PAGE = """<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"""
NGINX_CONF = """server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
"""
_NGINX_FILES = FrozenDict(
    {
        "/usr/share/nginx/html/index.html": NGINX_PAGE,
        "/usr/share/nginx/html/50x.html": "<html><body><h1>An error occurred.</h1></body></html>\n",
        "/etc/nginx/conf.d/default.conf": NGINX_CONF,
        "/etc/nginx/nginx.conf": "http { include /etc/nginx/conf.d/*.conf; }\n",
    }
)


def _nginx(name: str, port: int) -> App:
    return App(
        name,
        (Listener(port),),
        behaviour="nginx",
        memory=8 * MEBIBYTE,
        log=(
            "/docker-entrypoint.sh: Configuration complete; ready for start up",
            '[notice] 1#1: using the "epoll" event method',
            "[notice] 1#1: start worker processes",
        ),
    )


_HTTPD = App(
    "httpd-foreground",
    (Listener(80),),
    behaviour="files",
    memory=6 * MEBIBYTE,
    log=(
        "AH00558: httpd: Could not reliably determine the server's fully qualified domain name",
        "[core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'",
    ),
)


def _proxy(repository: str, size: float, name: str, ports: tuple[int, ...]) -> Image:
    listeners = tuple(Listener(p) for p in ports)
    app = App(name, listeners, memory=30 * MEBIBYTE, log=(f"{name} started",))
    return Image(repository, int(size * MEGABYTE), (name,), programs=(app,), generic=True)


IMAGES: tuple[Image, ...] = (
    Image(
        "docker.io/library/nginx",
        72 * MEGABYTE,
        ("/docker-entrypoint.sh",),
        ("nginx", "-g", "daemon off;"),
        (_nginx("nginx", 80), _nginx("nginx-debug", 80)),
        majors=FrozenDict({1: 29}),
        tags=("latest", "stable", "mainline", "alpine", "perl", "otel", "slim"),
        files=_NGINX_FILES,
        stop_signal="SIGQUIT",
    ),
    Image(
        "docker.io/nginxinc/nginx-unprivileged",
        72 * MEGABYTE,
        ("/docker-entrypoint.sh",),
        ("nginx", "-g", "daemon off;"),
        (_nginx("nginx", 8080),),
        files=FrozenDict({**_NGINX_FILES, "/etc/nginx/conf.d/default.conf": NGINX_CONF.replace("80;", "8080;", 1)}),
        user=101,
        stop_signal="SIGQUIT",
    ),
    Image(
        "docker.io/bitnami/nginx",
        90 * MEGABYTE,
        cmd=("nginx",),
        programs=(_nginx("nginx", 8080),),
        files=FrozenDict({**_NGINX_FILES, "/etc/nginx/conf.d/default.conf": NGINX_CONF.replace("80;", "8080;", 1)}),
        user=1001,
    ),
    Image(
        "docker.io/nginxdemos/hello",
        20 * MEGABYTE,
        ("/docker-entrypoint.sh",),
        ("nginx", "-g", "daemon off;"),
        (App("nginx", (Listener(80),), behaviour="whoami", memory=8 * MEBIBYTE),),
        shell="ash",
    ),
    Image(
        "docker.io/library/httpd",
        58 * MEGABYTE,
        cmd=("httpd-foreground",),
        programs=(_HTTPD,),
        majors=FrozenDict({2: 4}),
        tags=("latest", "alpine"),
        files=FrozenDict({"/usr/local/apache2/htdocs/index.html": "<html><body><h1>It works!</h1></body></html>\n"}),
        workdir="/usr/local/apache2",
        stop_signal="SIGWINCH",
    ),
    _proxy("docker.io/library/caddy", 20, "caddy", (80, 443)),
    Image(
        "docker.io/library/traefik",
        45 * MEGABYTE,
        cmd=("traefik",),
        programs=(App("traefik", behaviour="ingress", memory=30 * MEBIBYTE, starts=1.0),),
    ),
    _proxy("docker.io/library/haproxy", 40, "haproxy", (80,)),
    _proxy("docker.io/envoyproxy/envoy", 60, "envoy", (10000, 9901)),
)
