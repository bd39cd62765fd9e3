"""`kubectl get --raw`: a path of the API as it is."""

from __future__ import annotations

import json

from k8snb.kubectl.call import Call
from k8snb.kubectl.errors import KubectlError

REDIRECTS = 10
"""How often a redirect is followed (Go's HTTP client)."""
_GENERIC = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    401: ("Unauthorized", "the server has asked for the client to provide credentials"),
    404: ("NotFound", "the server could not find the requested resource"),
    405: ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: (
        "Timeout",
        "the server was unable to return a response in the time allotted, but may still be processing the request",
    ),
}
"""What client-go says of a refusal that is no Status (as programs behind a proxy give), by code."""


def get(call: Call, path: str) -> int | None:
    """Print the body of a GET of `path`."""
    from k8snb.apiserver.http.message import HTTPRequest
    from k8snb.apiserver.routes import serve

    for _ in range(REDIRECTS):
        request = HTTPRequest("GET", path, {"accept": "application/json, */*"}, b"", user=call.client.user)
        answer = serve(call.client.cluster.server, request)
        where = next((value for name, value in answer.headers if name == "Location"), "")
        if answer.code not in (301, 302, 303, 307, 308) or not where:
            break
        path = where
    text = answer.body.decode("utf-8", "replace")
    if answer.code >= 400:
        raise KubectlError(_refusal(answer.code, text), bare=True)
    call.write(text)
    return None


def _refusal(code: int, text: str) -> str:
    try:
        tree = json.loads(text)
    except ValueError:
        tree = None
    if isinstance(tree, dict) and tree.get("kind") == "Status" and tree.get("message"):
        reason = f" ({tree['reason']})" if tree.get("reason") else ""
        return f"Error from server{reason}: {tree['message']}"
    if code >= 500 and code not in _GENERIC:
        quoted = json.dumps(text.strip(), ensure_ascii=False)
        return f"Error from server (InternalError): an error on the server ({quoted}) has prevented the request from succeeding"
    reason, message = _GENERIC.get(
        code, ("", f"the server responded with the status code {code} but did not return more information")
    )
    return f"Error from server{f' ({reason})' if reason else ''}: {message}"
