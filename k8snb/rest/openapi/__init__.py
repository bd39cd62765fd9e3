"""OpenAPI documents of what a server serves, generated from its scheme."""

from k8snb.rest.openapi.documents import Document, Documents

__all__ = ["Document", "Documents"]
