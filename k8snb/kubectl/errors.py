"""What goes wrong in kubectl, in kubectl's words: errors of its own, and the API server's as kubectl shows them."""

from __future__ import annotations

from k8snb.api.errors import APIError

UNDETERMINED = "the server rejected our request due to an error in our request"


class KubectlError(Exception):
    """Something kubectl itself refuses; printed as `error: …` unless `bare`."""

    def __init__(self, message: str, *, bare: bool = False, code: int = 1) -> None:
        super().__init__(message)
        self.bare = bare
        self.code = code

    def text(self) -> str:
        """As it is printed, with the end of the line."""
        message = str(self)
        if not self.bare:
            message = message if message.startswith("error: ") else f"error: {message}"
        return message if message.endswith("\n") else message + "\n"


def usage(command: str, message: str) -> KubectlError:
    """A wrong use of a command, with the pointer to its help."""
    return KubectlError(f"{message}\nSee 'kubectl {command} -h' for help and examples")


def api_error(error: APIError, doing: str = "") -> str:
    """An API error as kubectl prints it: `Error from server (NotFound): …`, or the list of what is invalid.

    `doing` comes first in the message, e.g. `error when creating "STDIN": `.
    """
    if not error.code:
        return f"{error.message}\n"
    if error.reason == "Unauthorized":
        return "error: You must be logged in to the server (Unauthorized)\n"
    if error.reason == "Invalid" and not doing:
        return _invalid(error)
    where = f" ({error.reason})" if error.reason else ""
    return f"Error from server{where}: {doing}{error.message}\n"


def _invalid(error: APIError) -> str:
    details = error.details
    if details is None or (not details.kind and not error.causes):
        return f"The request is invalid: {error.message}\n" if error.message else "The request is invalid\n"
    subject = f'The {details.kind} "{details.name}" is invalid' if details.kind else "The request is invalid"
    texts: dict[str, None] = {}
    for cause in error.causes:
        texts[f"{cause.field}: {cause.message}" if cause.field else cause.message] = None
    if not texts:
        return f"{subject}\n"
    if len(texts) == 1:
        return f"{subject}: {next(iter(texts))}\n"
    return f"{subject}: \n" + "".join(f"* {text}\n" for text in texts)
