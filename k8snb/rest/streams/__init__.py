"""Connections into pods over WebSocket: exec, attach and port-forward.

kubectl speaks WebSocket for exec and attach since 1.30 (1.29 with ``KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true``) and for
port-forward since 1.31 (1.30 with ``KUBECTL_PORT_FORWARD_WEBSOCKETS=true``). Older ones upgrade the HTTP connection itself
to SPDY, which ASGI has no way to hand on: they are told so.
"""
