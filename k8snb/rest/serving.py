"""Serving a cluster: a thread with a server in it, its credentials, and simulated time that follows the wall clock."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import uvicorn

from k8snb import locale
from k8snb.api.mistakes import BadType, BadValue
from k8snb.api.request import UserInfo
from k8snb.rest import kubeconfig as files
from k8snb.rest.app import Application
from k8snb.rest.certificates import Authority, KeyPair
from k8snb.rest.connection import Connection
from k8snb.rest.guard import Guard
from k8snb.rest.users import Users
from k8snb.rest.worker import Hub, Worker, follow_wall_clock

ADMIN = "kubernetes-admin"
ADMIN_GROUPS = ("system:masters",)
"""Who the kubeconfig's owner is (kubeadm's admin)."""
CONNECTIONS = 1000
"""Connections that are served at a time; a further one is answered 503."""
HEAD_LIMIT = 64 * 1024
"""Bytes of a request's head."""
MESSAGE_LIMIT = 1024 * 1024
"""Bytes of one WebSocket message."""
STARTED = 60.0
"""Seconds that the server may take to start."""
AUDITED = 100_000
"""Requests that the audit log keeps from the time on when a cluster is served; clients poll without end."""


_SERVED: dict[int, Serving] = {}
"""What is being served, by the identity of the cluster."""


class Serving:
    """A served cluster: its ``url``, the ``kubeconfig`` that leads to it, and a ``token`` of its administrator.

    Use it as a context manager, or ``stop()`` it. ``speed`` may be changed at any time; 0 stops the clock.
    """

    def __init__(
        self,
        cluster: Any,
        port: int = 0,
        speed: float = 1.0,
        kubeconfig: str | Path | None = None,
        *,
        host: str = "127.0.0.1",
        environ: bool = True,
    ) -> None:
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 65536:
            raise BadValue(f"port is {port!r}: give a number from 1 to 65535, or 0 for any free one")
        self.url: str = ""
        self.speed = speed
        if id(cluster) in _SERVED:
            raise BadValue(f"this cluster is served already, at {_SERVED[id(cluster)].url}: stop() that first")
        self._cluster = cluster
        self._authority = Authority()
        self._folder: Path | None = Path(tempfile.mkdtemp(prefix="k8snb-"))
        self._environ = os.environ.get("KUBECONFIG") if environ else None
        self._sets_environ = environ
        self.token = secrets.token_urlsafe(32)
        self._guard = Guard(cluster)
        self._worker = Worker(self._guard)
        self._users = Users(cluster.server)
        self._users.know(self.token, UserInfo(ADMIN, groups=ADMIN_GROUPS))
        self._stopped = False
        self._holder = 0
        self._socket: Any = None
        try:
            self._socket = _listen(host, port)
            self.host, self.port = self._socket.getsockname()[:2]
            self.url = f"https://{host}:{self.port}"
            self.kubeconfig = self.login(ADMIN, ADMIN_GROUPS, kubeconfig)
        except BaseException:
            if self._socket is not None:
                self._socket.close()
            self._worker.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._start()

    # -- for its user

    @property
    def speed(self) -> float:
        """How many simulated seconds pass in a second."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadType(f"speed is {value!r}: give a number, as in speed=10")
        if not 0 <= value < float("inf"):
            raise BadValue(f"speed is {value!r}: time only moves forward; 0 stops it")
        self._speed = float(value)

    @property
    def authority(self) -> bytes:
        """The certificate (PEM) by which clients recognise the server."""
        return self._authority.certificate

    def login(self, user: str, groups: Sequence[str] = (), path: str | Path | None = None) -> Path:
        """Write a kubeconfig for a user in groups and return where it is; what the user may do is for RBAC to say."""
        if not isinstance(user, str) or not user:
            raise BadValue(f"{user!r} is no user: give a name, as in login('alice', ['dev'])")
        if isinstance(groups, str):
            raise BadType(f"groups is {groups!r}: give a list, as in login({user!r}, [{groups!r}])")
        pair = self._authority.client(user, groups)
        if path is None:
            assert self._folder is not None
            path = self._folder / ("config" if user == ADMIN else f"{''.join(c for c in user if c.isalnum())}.config")
        return files.write(Path(path), files.config(self.url, self.authority, user, pair))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """``with serving.paused():`` holds the cluster: no request is answered and no time passes meanwhile."""
        with self._guard.lock:
            before, self._holder = self._holder, threading.get_ident()
            try:
                yield
            finally:
                self._holder = before

    def stop(self) -> None:
        """Stop serving; simulated time stands still again. Stopping twice is no error."""
        if self._stopped:
            return
        if self._holder == threading.get_ident():
            raise BadValue("the cluster is held by paused(): leave that block first, then stop()")
        self._stopped = True
        self._server.should_exit = True
        self._thread.join()
        _SERVED.pop(id(self._cluster), None)
        if self._sets_environ and os.environ.get("KUBECONFIG") == str(self.kubeconfig):
            if self._environ is None:
                os.environ.pop("KUBECONFIG", None)
            else:
                os.environ["KUBECONFIG"] = self._environ
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        if self._stopped:
            return locale.text("serve.stopped")
        return locale.text("serve.serving", url=self.url, kubeconfig=self.kubeconfig, speed=f"{self.speed:g}")

    # -- the server

    def _start(self) -> None:
        config = uvicorn.Config(
            self._app,
            factory=True,
            http=Connection,
            ws="wsproto",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=90,
            timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=HEAD_LIMIT,
            ws_max_size=MESSAGE_LIMIT,
            ws_ping_interval=None,
            ssl_context_factory=self._tls,
        )
        self._server = uvicorn.Server(config)
        self._up = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="k8snb-server", daemon=True)
        _SERVED[id(self._cluster)] = self
        self._cluster.server.audit.keep(AUDITED)
        self._cluster.server.token_secret = secrets.token_bytes(32)
        self._guard.close()
        self._thread.start()
        if not self._up.wait(STARTED) or self._failure is not None:
            self.stop()
            raise RuntimeError(f"the server did not start: {self._failure}")
        if self._sets_environ:
            os.environ["KUBECONFIG"] = str(self.kubeconfig)
        atexit.register(self.stop)

    def _app(self) -> Any:
        self.application = Application(self._cluster, self._worker, self._hub, self._users)
        return self.application.asgi()

    def _tls(self, *_: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        hosts = ("localhost", "127.0.0.1", "::1", self.host)
        _load(context, self._authority.server(hosts))
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=self._authority.certificate.decode())
        return context

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._failure = error
        finally:
            self._up.set()
            self._worker.close()
            self._guard.open()
            self._socket.close()

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        self._hub = Hub(self._cluster, self._worker, loop)
        self._hub.begin()
        clock = loop.create_task(follow_wall_clock(self._cluster, self._worker, lambda: self._speed))
        hub = loop.create_task(self._hub.run())
        watcher = loop.create_task(self._announce())
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._hub.end()
            for task in (clock, hub, watcher):
                task.cancel()
            await asyncio.gather(clock, hub, watcher, return_exceptions=True)

    async def _announce(self) -> None:
        """Say when the server is up, and let what goes on end when it is to stop."""
        while not self._server.started:
            await asyncio.sleep(0.005)
        self._up.set()
        while not self._server.should_exit:
            await asyncio.sleep(0.05)
        self._hub.end()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small packets at once only on sockets whose protocol is named; else an answer waits 40 ms for an ACK
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(256)
    except OSError as error:
        found.close()
        raise BadValue(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another port") from None
    return found


def _load(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Give a context its certificate; the ssl module takes them from files only."""
    folder = Path(tempfile.mkdtemp(prefix="k8snb-"))
    try:
        file = folder / "server.pem"
        file.touch(0o600)
        file.write_bytes(pair.key + pair.certificate)
        context.load_cert_chain(file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(
    cluster: Any,
    port: int = 0,
    speed: float = 1.0,
    kubeconfig: str | Path | None = None,
    *,
    host: str = "127.0.0.1",
    environ: bool = True,
) -> Serving:
    """Serve a cluster's API over HTTPS, for kubectl and client libraries; see ``Serving``.

    ``port`` 0 takes any free one. ``speed`` is how many simulated seconds pass in a second. ``kubeconfig`` is where the
    administrator's credentials are written (0600; by default a file of its own that is removed by ``stop()``);
    ``environ`` lets ``$KUBECONFIG`` of this process point to it meanwhile, so that ``!kubectl get pods`` works in a cell.
    """
    return Serving(cluster, port, speed, kubeconfig, host=host, environ=environ)
