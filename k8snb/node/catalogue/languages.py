"""Language runtimes: they hold an interpreter and no program, so by themselves they end at once."""

from __future__ import annotations

from k8snb.api.frozen import FrozenDict
from k8snb.node.app import App, Listener
from k8snb.node.images import MEGABYTE, Image

LIBRARY = "docker.io/library/"


def _language(name: str, size: float, cmd: tuple[str, ...], programs: tuple[str, ...], majors: dict[int, int]) -> Image:
    """An image whose interpreter, given a program, runs it as a service on the declared ports."""
    apps = tuple(App(p, declared=True, memory=40 * 1024 * 1024, behaviour="interpreter") for p in programs)
    return Image(LIBRARY + name, int(size * MEGABYTE), cmd=cmd, programs=apps, majors=FrozenDict(majors), tags=_TAGS)


_TAGS = (
    "latest",
    "lts",
    "current",
    "stable",
    "slim",
    "alpine",
    "bookworm",
    "bullseye",
    "trixie",
    "rc",
    "cli",
    "apache",
    "fpm",
)

IMAGES: tuple[Image, ...] = (
    _language("node", 380, ("node",), ("node", "npm", "npx", "yarn"), dict.fromkeys(range(4, 26), 30)),
    _language("python", 370, ("python3",), ("python", "python3", "flask", "gunicorn", "uvicorn"), {2: 7, 3: 14}),
    _language("pypy", 330, ("pypy3",), ("pypy", "pypy3"), {2: 7, 3: 11}),
    _language("golang", 290, ("bash",), ("go",), {1: 26}),
    _language("openjdk", 240, ("jshell",), ("java",), dict.fromkeys(range(7, 27), 0)),
    _language("eclipse-temurin", 200, ("jshell",), ("java",), dict.fromkeys(range(8, 26), 0)),
    _language("amazoncorretto", 210, ("jshell",), ("java",), dict.fromkeys(range(8, 26), 0)),
    _language("ruby", 380, ("irb",), ("ruby", "rails", "rackup"), {2: 7, 3: 4}),
    _language("perl", 340, ("perl",), ("perl",), {5: 42}),
    _language("mono", 200, ("mono",), ("mono",), {6: 12}),
    Image(
        LIBRARY + "php",
        180 * MEGABYTE,
        cmd=("apache2-foreground",),
        programs=(
            App("apache2-foreground", (Listener(80),), behaviour="files", memory=30 * 1024 * 1024),
            App("php-fpm", (Listener(9000, "tcp"),)),
            App("php", declared=True, behaviour="interpreter"),
        ),
        majors=FrozenDict({5: 6, 7: 4, 8: 5}),
        tags=_TAGS,
        workdir="/var/www/html",
    ),
)
