"""tar: what `kubectl cp` needs of it, and people in a shell: -c, -x and -t, with -f, -C, -v and names.

Archives are real ones (POSIX tar), as text in which bytes that are no UTF-8 are kept as surrogates. Files belong to root and
have mode 0644, directories 0755: the model's files have no owners and modes. Compression (-z, -j, -J) is left out.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator

from k8snb.node.files import NoDirectory, ReadOnly
from k8snb.node.shell.context import Context, Outcome

FAILED = 2
"""Exit code of GNU tar for errors."""
_VALUED = "fC"


def tar(context: Context, argv: list[str]) -> Outcome:
    """tar -c|-x|-t [-f FILE] [-C DIRECTORY] [-v] [NAMES]."""
    letters, values, names = _parsed(argv[1:])
    modes = [letter for letter in "cxt" if letter in letters]
    if len(modes) != 1:
        return context.fail("tar: You must specify one of the '-Acdtrux' options", FAILED)
    if set(letters) & set("zjJ"):
        return context.fail("tar: compressed archives are not modelled: leave out -z, -j and -J", FAILED)
    folder = context.path(values.get("C", "."))
    if not context.files.is_directory(folder):
        return context.fail(f"tar: {values['C']}: Cannot open: No such file or directory", FAILED)
    if modes == ["c"]:
        return _create(context, folder, names, values.get("f", "-"), "v" in letters)
    return _read(context, folder, names, values.get("f", "-"), "v" in letters, extract=modes == ["x"])


def _parsed(words: list[str]) -> tuple[str, dict[str, str], list[str]]:
    """Letters, values of -f and -C, and names; the first word may lack its dash."""
    letters, values, names = "", dict[str, str](), list[str]()
    rest = list(words)
    if rest and not rest[0].startswith("-"):
        rest[0] = f"-{rest[0]}"
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            letters += {"--create": "c", "--extract": "x", "--list": "t", "--verbose": "v"}.get(word, "")
        elif word.startswith("-") and len(word) > 1:
            for place, letter in enumerate(word[1:], 1):
                letters += letter
                if letter in _VALUED:
                    glued = word[place + 1 :] if place + 1 < len(word) and letter == "C" else ""
                    values[letter] = glued or (rest.pop(0) if rest else "")
                    if glued:
                        break
        else:
            names.append(word)
    return letters, values, names


def _create(context: Context, folder: str, names: list[str], file: str, told: bool) -> int:
    if not names:
        return context.fail("tar: Cowardly refusing to create an empty archive", FAILED)
    packed = io.BytesIO()
    status, stripped = 0, False
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in names:
            path = context.path(name if name.startswith("/") else f"{folder.rstrip('/')}/{name}")
            if not context.files.exists(path):
                context.err(f"tar: {name}: Cannot stat: No such file or directory\n")
                status = FAILED
                continue
            stripped = stripped or name.startswith("/")
            kept = name.strip("/") or "."
            for inner, content in _walk(context, path, kept):
                entry = tarfile.TarInfo(inner)
                entry.mtime = int(context.now)
                entry.uname = entry.gname = "root"
                if content is None:
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(entry)
                else:
                    data = content.encode("utf-8", "surrogateescape")
                    entry.size, entry.mode = len(data), 0o644
                    archive.addfile(entry, io.BytesIO(data))
                if told:
                    context.err(f"{inner}\n")
    if stripped:
        context.err("tar: Removing leading `/' from member names\n")
    if status:
        context.err("tar: Exiting with failure status due to previous errors\n")
    text = packed.getvalue().decode("utf-8", "surrogateescape")
    if file == "-":
        context.out(text)
        return status
    return _written(context, context.path(file), file, text) or status


def _walk(context: Context, path: str, name: str) -> Iterator[tuple[str, str | None]]:
    """A file, or a directory (whose content is None) and what is in it."""
    content = context.files.read(path)
    yield name, content
    if content is None:
        for inner in sorted(context.files.list(path)):
            yield from _walk(context, f"{path.rstrip('/')}/{inner}", f"{name}/{inner}")


def _read(context: Context, folder: str, names: list[str], file: str, told: bool, *, extract: bool) -> int:
    text = context.read_all() if file == "-" else context.files.read(context.path(file))
    if text is None:
        return context.fail(f"tar: {file}: Cannot open: No such file or directory", FAILED)
    packed = io.BytesIO(text.encode("utf-8", "surrogateescape"))
    wanted = [name.strip("/") for name in names]
    status = 0
    try:
        with tarfile.open(fileobj=packed, mode="r:") as archive:
            for entry in archive:
                name = entry.name.strip("/")
                if wanted and not any(name == w or name.startswith(f"{w}/") for w in wanted):
                    continue
                if not extract:
                    context.out(f"{name}{'/' if entry.isdir() else ''}\n")
                    continue
                if told:
                    context.out(f"{name}\n")
                status = _unpacked(context, f"{folder.rstrip('/')}/{name}", name, archive, entry) or status
    except (tarfile.TarError, EOFError):
        context.err("tar: This does not look like a tar archive\n")
        status = FAILED
    return context.fail("tar: Exiting with failure status due to previous errors", FAILED) if status else 0


def _unpacked(context: Context, path: str, name: str, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> int:
    if ".." in name.split("/"):
        return context.fail(f"tar: {name}: Member name contains '..'", FAILED)
    place = context.path(path)
    try:
        if entry.isdir():
            context.files.mkdir(place, parents=True)
            return 0
        context.files.mkdir(place.rpartition("/")[0] or "/", parents=True)
    except ReadOnly:
        return context.fail(f"tar: {name}: Cannot open: Read-only file system", FAILED)
    content = archive.extractfile(entry) if entry.isfile() else None
    data = content.read() if content is not None else b""
    return _written(context, place, name, data.decode("utf-8", "surrogateescape"))


def _written(context: Context, path: str, name: str, text: str) -> int:
    try:
        context.files.write(path, text)
    except ReadOnly:
        return context.fail(f"tar: {name}: Cannot open: Read-only file system", FAILED)
    except NoDirectory:
        return context.fail(f"tar: {name}: Cannot open: No such file or directory", FAILED)
    return 0


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {"tar": tar}
