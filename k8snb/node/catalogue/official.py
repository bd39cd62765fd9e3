"""Docker's official images that need no closer description: they exist, and hold a plausible program each.

A name of ``docker.io/library`` that is in no list of this package does not exist, as a mistyped ``ngnix`` would not.
"""

from __future__ import annotations

from k8snb.node.app import App, Listener
from k8snb.node.images import MEGABYTE, Image

_PORTS = {
    "adminer": 8080, "arangodb": 8529, "bonita": 8080, "cassandra": 9042, "chronograf": 8888, "clickhouse": 8123,
    "couchbase": 8091, "couchdb": 5984, "crate": 4200, "drupal": 80, "eclipse-mosquitto": 1883, "elasticsearch": 9200,
    "emqx": 1883, "flink": 8081, "ghost": 2368, "gradle": 0, "influxdb": 8086, "jetty": 8080, "joomla": 80,
    "kapacitor": 9092, "kibana": 5601, "kong": 8000, "krakend": 8080, "liquibase": 0, "logstash": 9600, "matomo": 80,
    "maven": 0, "mediawiki": 80, "mongo-express": 8081, "monica": 80, "nats": 4222, "nats-streaming": 4222,
    "neo4j": 7474, "nextcloud": 80, "odoo": 8069, "orientdb": 2480, "percona": 3306, "phpmyadmin": 80,
    "rabbitmq": 5672, "redmine": 3000, "registry": 5000, "rethinkdb": 8080, "rocket.chat": 3000, "rust": 0,
    "solr": 8983, "sonarqube": 9000, "swift": 0, "teamspeak": 9987, "telegraf": 8092, "tomcat": 8080, "tomee": 8080,
    "unit": 80, "varnish": 80, "vault": 8200, "websphere-liberty": 9080, "wordpress": 80, "xwiki": 8080, "yourls": 80,
    "zookeeper": 2181, "consul": 8500, "storm": 0, "sl": 0, "r-base": 0, "julia": 0, "haskell": 0, "erlang": 0,
    "elixir": 0, "dart": 0, "clojure": 0, "buildpack-deps": 0, "gcc": 0, "docker": 2375, "cirros": 0,
}  # fmt: skip
"""Where the programs of these images listen (0: they hold no server)."""
_STARTS = {
    "cassandra": 20.0,
    "elasticsearch": 15.0,
    "tomcat": 3.0,
    "sonarqube": 25.0,
    "wordpress": 1.0,
    "rabbitmq": 4.0,
}


def _image(name: str, port: int) -> Image:
    repository = f"docker.io/library/{name}"
    if not port:
        return Image(repository, 200 * MEGABYTE, cmd=("bash",), generic=False)
    app = App(
        "app", (Listener(port),), starts=_STARTS.get(name, 0.5), memory=128 * 1024 * 1024, log=(f"{name} is ready",)
    )
    return Image(repository, 150 * MEGABYTE, ("app",), programs=(app,), generic=True)


IMAGES: tuple[Image, ...] = tuple(_image(name, port) for name, port in _PORTS.items())
