"""The API's HTTP surface as pure functions: paths, parameters, media types, discovery, and how answers are written.

`k8snb.apiserver.routes` puts them together; nothing here opens a socket.
"""
