"""kubectl cp: files to and from containers, by way of a tar in the container, as the real command does it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from k8snb.kubectl.call import Call, Command
from k8snb.kubectl.commands.execute import container_of
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag


class Spec(NamedTuple):
    """One side: a path, and a pod (with its namespace) when it is not on this machine."""

    pod: str
    namespace: str
    path: str


class Place(NamedTuple):
    """A container to copy to or from."""

    pod: Any
    container: str


def run(call: Call) -> int | None:
    """Copy a file or a folder."""
    if len(call.args) != 2:
        raise usage("cp", "error: source and destination are required")
    source, target = (_spec(call, text) for text in call.args)
    if source.pod and target.pod:
        raise KubectlError("one of src or dest must be a local file specification")
    if not source.path or not target.path:
        raise KubectlError("filepath can not be empty")
    if source.pod:
        return _from_pod(call, source, Path(target.path))
    if target.pod:
        return _to_pod(call, Path(source.path), target)
    raise KubectlError("one of src or dest must be a remote file specification")


def _spec(call: Call, text: str) -> Spec:
    """`[[namespace/]pod:]path`; raises `KubectlError`."""
    where, colon, path = text.partition(":")
    if not colon:
        return Spec("", "", text)
    parts = where.split("/")
    if not where or len(parts) > 2:
        raise KubectlError("filespec must match the canonical format: [[namespace/]pod:]file/path")
    return Spec(parts[-1], parts[0] if len(parts) == 2 else call.namespace, path)


def _place(call: Call, spec: Spec) -> Place:
    pod: Any = call.client.get(call.client.core("pods"), spec.namespace, spec.pod)
    return Place(pod, container_of(call, pod))


def _exec(call: Call, place: Place, words: list[str], stdin: bytes | None = None) -> Any:
    cluster: Any = call.client.cluster
    text = None if stdin is None else stdin.decode("utf-8", "surrogateescape")
    try:
        return cluster.kubelets.exec(place.pod, place.container, words, cluster.now, text)
    except ValueError as error:
        raise KubectlError(f"unable to upgrade connection: {error}") from None


def _ended(call: Call, result: Any) -> int | None:
    """The exit code, after what the command in the container complained of."""
    if result.stderr:
        call.complain(result.stderr)
    if result.code:
        call.complain(f"command terminated with exit code {result.code}\n")
        return 1
    return None


def _to_pod(call: Call, source: Path, target: Spec) -> int | None:
    if not source.exists():
        raise KubectlError(f"{source} doesn't exist in local filesystem")
    place = _place(call, target)
    path = PurePosixPath(target.path)
    if _exec(call, place, ["test", "-d", target.path]).code == 0:
        path /= source.resolve().name
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(source, arcname=path.name)
    result = _exec(call, place, ["tar", "-xmf", "-", "-C", str(path.parent)], packed.getvalue())
    return _ended(call, result)


def _from_pod(call: Call, source: Spec, target: Path) -> int | None:
    place = _place(call, source)
    result = _exec(call, place, ["tar", "cf", "-", source.path])
    ended = _ended(call, result)
    if ended is not None:
        return ended
    name = PurePosixPath(source.path).name or "."
    prefix = source.path.strip("/") or "."
    if target.is_dir():
        target /= name
    packed = io.BytesIO(result.stdout.encode("utf-8", "surrogateescape"))
    with tarfile.open(fileobj=packed, mode="r:") as archive:
        for entry in archive:
            below = entry.name.removeprefix(prefix).strip("/")
            _unpack(archive, entry, target / below if below else target)
    return None


def _unpack(archive: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    if ".." in PurePosixPath(entry.name).parts:
        return
    if entry.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = archive.extractfile(entry)
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read())


CP = Command(
    "cp",
    "Copy files and folders to and from containers",
    run,
    (
        Flag("container", short="c", default=""),
        Flag("no-preserve", "switch", default=False),
        Flag("retries", "number", default=0),
    ),
)
