"""Stops an upload that is larger than any file we take, before it fills the disk.

Which files an import takes, and what is in them, is found out by the worker.
"""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from orders.domain.work.filelimits import MAX_UPLOAD

# Up to here the rest is read and thrown away, so that the browser hears the answer.
PATIENCE = 10 * MAX_UPLOAD


class UploadLimit(FileUploadHandler):
    """First in line: lets pieces through until there are too many of them, then notes it on the request."""

    def handle_raw_input(
        self,
        input_data: Any,  # noqa: ARG002 - what Django hands to every handler
        META: dict[str, Any],  # noqa: ARG002, N803
        content_length: int,
        boundary: Any,  # noqa: ARG002
        encoding: str | None = None,  # noqa: ARG002
    ) -> None:
        self.is_hopeless = content_length > PATIENCE

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > MAX_UPLOAD:
            if self.request is not None:
                self.request.upload_was_too_large = True  # type: ignore[attr-defined]
            raise StopUpload(connection_reset=self.is_hopeless)
        return raw_data

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002
        return None


def was_too_large(request: HttpRequest) -> bool:
    """Whether the upload that came with the request was stopped."""
    return getattr(request, "upload_was_too_large", False)
