"""Field errors: where in an object something is wrong, and what.

The texts are those of the real API server (``field.Error``): ``spec.ports[0].port: Invalid value: 0: must be between 1 and
65535, inclusive``.  Every validation function takes a :class:`Path` and returns a list of :class:`FieldError`; the server turns
the list into the ``causes`` and the message of a 422 answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from k8snb.api.gotext import quote
from k8snb.apiserver.validation.gojson import go_json

NOT_FOUND: Final = "FieldValueNotFound"
REQUIRED: Final = "FieldValueRequired"
DUPLICATE: Final = "FieldValueDuplicate"
INVALID: Final = "FieldValueInvalid"
NOT_SUPPORTED: Final = "FieldValueNotSupported"
FORBIDDEN: Final = "FieldValueForbidden"
TOO_LONG: Final = "FieldValueTooLong"
TOO_MANY: Final = "FieldValueTooMany"
INTERNAL: Final = "InternalError"
TYPE_INVALID: Final = "FieldValueTypeInvalid"

_TITLES: Final = {
    NOT_FOUND: "Not found",
    REQUIRED: "Required value",
    DUPLICATE: "Duplicate value",
    INVALID: "Invalid value",
    NOT_SUPPORTED: "Unsupported value",
    FORBIDDEN: "Forbidden",
    TOO_LONG: "Too long",
    TOO_MANY: "Too many",
    INTERNAL: "Internal error",
    TYPE_INVALID: "Invalid value",
}
_WITHOUT_VALUE: Final = frozenset((REQUIRED, FORBIDDEN, TOO_LONG, INTERNAL))


class Path:
    """The place of a field; cheap to extend, rendered only when an error is reported.

    ``Path("spec") / "containers"`` is a child, ``path[0]`` an item of a list, ``path["cpu"]`` an entry of a map.
    ``Path("")`` is a whole object, which the server writes as ``[]``.
    """

    __slots__ = ("_parent", "_step")

    def __init__(self, *names: str) -> None:
        parent: Path | None = None
        for name in names[:-1]:
            parent = _extend(parent, "." + name)
        step = names[-1] if names else ""
        self._parent = parent
        self._step = "[]" if names and not step else step if parent is None else "." + step

    def __truediv__(self, name: str) -> Path:
        return _extend(self, "." + name)

    def __getitem__(self, where: int | str) -> Path:
        return _extend(self, f"[{where}]")

    def __str__(self) -> str:
        steps: list[str] = []
        path: Path | None = self
        while path is not None:
            steps.append(path._step)
            path = path._parent
        steps.reverse()
        text = "".join(steps)
        return text[1:] if text.startswith(".") else text

    def __repr__(self) -> str:
        return f"Path({str(self)!r})"


def _extend(parent: Path | None, step: str) -> Path:
    path = Path.__new__(Path)
    path._parent = parent
    path._step = step if parent is not None or step.startswith((".", "[")) else "." + step
    return path


ROOT: Final = Path()
METADATA: Final = Path("metadata")
SPEC: Final = Path("spec")
STATUS: Final = Path("status")


class _Omitted:
    """The value of an error that shows no value."""

    def __repr__(self) -> str:
        return "OMIT"


OMIT: Final = _Omitted()


class FieldError(NamedTuple):
    """One problem: ``reason`` is for programs, ``field`` the rendered path, ``detail`` the rest of the sentence."""

    reason: str
    field: str
    value: Any
    detail: str

    @property
    def body(self) -> str:
        """The message without the path, as in ``status.details.causes[].message``."""
        title = _TITLES[self.reason]
        text = title if self.reason in _WITHOUT_VALUE or self.value is OMIT else f"{title}: {go_json(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


def invalid(path: Path | str, value: Any, detail: str) -> FieldError:
    """A malformed value: out of range, failed pattern, inconsistent with another field."""
    return FieldError(INVALID, str(path), value, detail)


def reject(errors: list[FieldError], path: Path | str, value: Any, messages: Iterable[str]) -> None:
    """Append an Invalid error for each message (of :mod:`k8snb.apiserver.validation.names`, say)."""
    for message in messages:
        errors.append(FieldError(INVALID, str(path), value, message))


def required(path: Path | str, detail: str = "") -> FieldError:
    """A value is missing."""
    return FieldError(REQUIRED, str(path), "", detail)


def forbidden(path: Path | str, detail: str) -> FieldError:
    """A well-formed value that may not be set here and now."""
    return FieldError(FORBIDDEN, str(path), "", detail)


def not_supported(path: Path | str, value: Any, supported: Iterable[str]) -> FieldError:
    """A value that is none of an enumeration; ``supported`` is shown in the order given (Go sorts sets: hand in a sorted list)."""
    values = ", ".join(quote(item) for item in supported)
    return FieldError(NOT_SUPPORTED, str(path), value, f"supported values: {values}" if values else "")


def duplicate(path: Path | str, value: Any, detail: str = "") -> FieldError:
    """A value that must be unique appears again."""
    return FieldError(DUPLICATE, str(path), value, detail)


def not_found(path: Path | str, value: Any) -> FieldError:
    """A value that must name something existing does not."""
    return FieldError(NOT_FOUND, str(path), value, "")


def too_long(path: Path | str, limit: int) -> FieldError:
    """A string or a collection of strings is longer than ``limit`` bytes (a negative limit is not shown)."""
    return FieldError(
        TOO_LONG, str(path), "", f"may not be more than {limit} bytes" if limit >= 0 else "value is too long"
    )


def too_many(path: Path | str, actual: int, limit: int) -> FieldError:
    """A list has more than ``limit`` items; a negative ``actual`` is not shown."""
    detail = f"must have at most {limit} item{'' if limit == 1 else 's'}" if limit >= 0 else "has too many items"
    return FieldError(TOO_MANY, str(path), actual if actual >= 0 else OMIT, detail)


def internal(path: Path | str, detail: str) -> FieldError:
    """The server could not decide; not the fault of the input."""
    return FieldError(INTERNAL, str(path), None, detail)


def type_invalid(path: Path | str, value: Any, detail: str) -> FieldError:
    """A value of the wrong JSON type (custom resources)."""
    return FieldError(TYPE_INVALID, str(path), value, detail)


def aggregate(errors: Iterable[FieldError]) -> str:
    """Join errors as the message of a 422 does: equal texts once, in brackets when there are several."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    return texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
