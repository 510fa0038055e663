"""What a request sends: files go straight into a folder, bytes are counted while they come, names are never used."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from img2img.serve.problems import RefusedError

PICTURE = "picture"
LONGEST_WAIT = 60  # seconds without a byte
MOST_PARTS = 200
MOST_TEXT = 1_000_000  # bytes of all fields together


@dataclass
class Sent:
    """What came: ``files`` and ``fields`` by the names of their fields, in their order; ``options``, the JSON object if there was one."""

    files: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    fields: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def picture(self) -> Path:
        """The one picture that there must be."""
        pictures = self.files.get(PICTURE, [])
        if len(pictures) != 1:
            raise RefusedError(400, f"one file is wanted in the field {PICTURE!r}, and {len(pictures)} came")
        return pictures[0]


async def receive(request: Request, folder: Path, max_bytes: int) -> Sent:
    """What ``request`` sends, its files in ``folder``.

    Raises:
        RefusedError: 400 for a form that is none, 408, 413, 415. ClientDisconnect: the client has gone.
    """
    kind, parameters = parse_options_header(request.headers.get("content-type", ""))
    kind = kind.lower()
    if int(request.headers.get("content-length") or 0) > max_bytes:
        raise _too_large(max_bytes)
    sent = Sent()
    for name, value in request.query_params.multi_items():
        sent.fields[name].append(value)
    if kind == b"multipart/form-data":
        if not parameters.get(b"boundary"):
            raise RefusedError(400, "the Content-Type multipart/form-data has no boundary")
        await _Form(parameters[b"boundary"], folder, sent).read(_chunks(request, max_bytes))
    elif kind == b"application/octet-stream" or kind.startswith(b"image/"):
        path = folder / PICTURE
        with open(path, "xb") as file:
            async for chunk in _chunks(request, max_bytes):
                file.write(chunk)
        if path.stat().st_size:
            sent.files[PICTURE].append(path)
    else:
        raise RefusedError(415, "send multipart/form-data, or a picture as image/* or application/octet-stream")
    for text in sent.fields.pop("options", []):
        sent.options.update(_object(text))
    return sent


async def _chunks(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    count = 0
    while True:
        try:
            message = await asyncio.wait_for(request.receive(), LONGEST_WAIT)
        except TimeoutError:
            raise RefusedError(408, f"no byte came for {LONGEST_WAIT} seconds", {"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body = message.get("body", b"")
        count += len(body)
        if count > max_bytes:
            raise _too_large(max_bytes)
        yield body
        if not message.get("more_body", False):
            return


def _too_large(max_bytes: int) -> RefusedError:
    return RefusedError(413, f"a request may have {max_bytes / 1e6:g} MB; this one has more", {"Connection": "close"})


def _object(text: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(constant)  # NaN and Infinity are no JSON

    try:
        found = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "the field options is no JSON") from error
    if not isinstance(found, dict):
        raise RefusedError(400, 'the field options must be a JSON object, such as {"scale": 2}')
    return found


class _Form:
    """Takes a form apart while it comes."""

    def __init__(self, boundary: bytes, folder: Path, sent: Sent) -> None:
        self.folder, self.sent = folder, sent
        self.parts = self.text_bytes = 0
        self.ended = False
        self.header, self.value = b"", b""
        self.disposition = b""
        self.name = ""
        self.text: bytearray | None = None
        self.file: BinaryIO | None = None
        callbacks: dict[str, Any] = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }
        try:
            self.parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise RefusedError(400, "the boundary of the form is too long") from error

    async def read(self, chunks: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in chunks:
                self.parser.write(chunk)
            self.parser.finalize()
        except FormParserError as error:
            raise RefusedError(400, "the body is no form as its Content-Type says") from error
        finally:
            if self.file is not None:
                self.file.close()
        if not self.ended:
            raise RefusedError(400, "the form is cut short")

    def _begin(self) -> None:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise RefusedError(400, f"a form may have {MOST_PARTS} fields")
        self.disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def _header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            self.disposition = self.value
        self.header = self.value = b""

    def _headers_finished(self) -> None:
        _, parameters = parse_options_header(self.disposition)
        self.name = parameters.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in parameters:
            path = self.folder / (PICTURE if self.name == PICTURE and not self.sent.files[PICTURE] else f"file-{self.parts}")
            self.file = open(path, "xb")  # noqa: SIM115 (closed at the part's end)
            self.sent.files[self.name].append(path)
        else:
            self.text = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self.file is not None:
            self.file.write(data[start:end])
        elif self.text is not None:
            self.text_bytes += end - start
            if self.text_bytes > MOST_TEXT:
                raise RefusedError(400, f"the texts of a form may have {MOST_TEXT / 1e6:g} MB; send a picture with a file name")
            self.text += data[start:end]

    def _end(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None
        elif self.text is not None:
            self.sent.fields[self.name].append(self.text.decode("utf-8", "replace"))
            self.text = None

    def _finish(self) -> None:
        self.ended = True
