"""Databases, caches and queues."""

from __future__ import annotations

from k8snb.api.frozen import FrozenDict
from k8snb.node.app import MEBIBYTE, App, Listener
from k8snb.node.images import MEGABYTE, Image

LIBRARY = "docker.io/library/"
_MYSQL = ("MYSQL_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD")
_MARIADB = (
    "MARIADB_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD_HASH", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
    "MARIADB_RANDOM_ROOT_PASSWORD", *_MYSQL,
)  # fmt: skip
_MYSQL_COMPLAINT = """[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified
    You need to specify one of the following as an environment variable:
    - MYSQL_ROOT_PASSWORD
    - MYSQL_ALLOW_EMPTY_PASSWORD
    - MYSQL_RANDOM_ROOT_PASSWORD"""
_POSTGRES_COMPLAINT = """Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended."""

_REDIS = App(
    "redis-server",
    (Listener(6379, "tcp"),),
    behaviour="redis",
    starts=0.1,
    memory=4 * MEBIBYTE,
    log=("* oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", "* Ready to accept connections tcp"),
)
_MYSQLD = App(
    "mysqld",
    (Listener(3306, "tcp"),),
    behaviour="silent",
    starts=8.0,
    memory=380 * MEBIBYTE,
    needs=_MYSQL,
    complaint=_MYSQL_COMPLAINT,
    log=("[System] [Server] /usr/sbin/mysqld: ready for connections. port: 3306  MySQL Community Server - GPL.",),
    stops=1.0,
)

IMAGES: tuple[Image, ...] = (
    Image(
        LIBRARY + "redis",
        52 * MEGABYTE,
        ("docker-entrypoint.sh",),
        ("redis-server",),
        (_REDIS,),
        majors=FrozenDict({2: 8, 3: 2, 4: 0, 5: 0, 6: 2, 7: 4, 8: 4}),
        tags=("latest", "alpine", "bookworm"),
        workdir="/data",
    ),
    Image("docker.io/bitnami/redis", 60 * MEGABYTE, cmd=("redis-server",), programs=(_REDIS,)),
    Image(
        LIBRARY + "valkey", 50 * MEGABYTE, ("docker-entrypoint.sh",), ("valkey-server",),
        (App("valkey-server", (Listener(6379, "tcp"),), behaviour="redis", memory=4 * MEBIBYTE),),
    ),
    Image("docker.io/valkey/valkey", 50 * MEGABYTE, cmd=("valkey-server",),
          programs=(App("valkey-server", (Listener(6379, "tcp"),), behaviour="redis", memory=4 * MEBIBYTE),)),
    Image(
        LIBRARY + "memcached", 40 * MEGABYTE, ("docker-entrypoint.sh",), ("memcached",),
        (App("memcached", (Listener(11211, "tcp"),), behaviour="silent", memory=8 * MEBIBYTE),),
        majors=FrozenDict({1: 6}), tags=("latest", "alpine"),
    ),
    Image(
        LIBRARY + "mysql", 240 * MEGABYTE, ("docker-entrypoint.sh",), ("mysqld",), (_MYSQLD,),
        majors=FrozenDict({5: 7, 8: 4, 9: 5}), tags=("latest", "lts", "innovation", "oracle", "debian"),
    ),
    Image(
        LIBRARY + "mariadb", 130 * MEGABYTE, ("docker-entrypoint.sh",), ("mariadbd",),
        (
            App("mariadbd", (Listener(3306, "tcp"),), behaviour="silent", starts=5.0, memory=90 * MEBIBYTE, needs=_MARIADB,
                complaint=_MYSQL_COMPLAINT.replace("MYSQL", "MARIADB"), log=("mariadbd: ready for connections.",), stops=1.0),
        ),
        majors=FrozenDict({5: 5, 10: 11, 11: 8, 12: 1}), tags=("latest", "lts"),
    ),
    Image(
        LIBRARY + "postgres", 150 * MEGABYTE, ("docker-entrypoint.sh",), ("postgres",),
        (
            App("postgres", (Listener(5432, "tcp"),), behaviour="silent", starts=2.0, memory=40 * MEBIBYTE,
                needs=("POSTGRES_PASSWORD", "POSTGRES_HOST_AUTH_METHOD", "POSTGRES_PASSWORD_FILE"),
                complaint=_POSTGRES_COMPLAINT,
                log=("LOG:  database system is ready to accept connections",)),
        ),
        majors=FrozenDict({9: 6, 10: 23, 11: 22, 12: 22, 13: 23, 14: 20, 15: 15, 16: 11, 17: 7, 18: 1}),
        tags=("latest", "alpine", "bookworm"), stop_signal="SIGINT",
    ),
    Image(
        LIBRARY + "mongo", 270 * MEGABYTE, ("docker-entrypoint.sh",), ("mongod",),
        (App("mongod", (Listener(27017, "tcp"),), behaviour="silent", starts=1.5, memory=120 * MEBIBYTE,
             log=('{"s":"I","c":"NETWORK","msg":"Waiting for connections","attr":{"port":27017}}',)),),
        majors=FrozenDict({3: 7, 4: 4, 5: 0, 6: 0, 7: 0, 8: 2}), tags=("latest",),
    ),
    Image(
        LIBRARY + "rabbitmq", 110 * MEGABYTE, ("docker-entrypoint.sh",), ("rabbitmq-server",),
        (App("rabbitmq-server", (Listener(5672, "tcp"), Listener(15672)), starts=6.0, memory=130 * MEBIBYTE,
             log=("Server startup complete; 4 plugins started.",)),),
        majors=FrozenDict({3: 13, 4: 2}), tags=("latest", "management", "alpine"),
    ),
)  # fmt: skip
