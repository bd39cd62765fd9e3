"""`kubectl get --raw`: a path of the API as it is."""

from __future__ import annotations

from k8snb.kubectl.call import Call
from k8snb.kubectl.errors import KubectlError


def get(call: Call, path: str) -> int | None:
    """Print the body of a GET of `path`."""
    from k8snb.apiserver.http.message import HTTPRequest
    from k8snb.apiserver.routes import serve

    request = HTTPRequest("GET", path, {"Accept": "application/json"}, b"", user=call.client.user)
    answer = serve(call.client.cluster.server, request)
    text = answer.body.decode()
    if answer.code >= 400:
        raise KubectlError(f"Error from server: {text}", bare=True)
    call.write(text)
    return None
