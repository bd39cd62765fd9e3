"""SPDY/3.1 frames, as far as port-forwarding needs them: streams, data, windows, pings and goodbyes.

Since kubectl 1.31 they travel inside a WebSocket. The numbers and the dictionary of header compression are those of the
SPDY draft 3.1; pushed streams, settings and priorities mean nothing here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import msgspec

VERSION = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN = 1
FRAME_LIMIT = 1 << 20
"""Bytes of the largest frame that is taken."""
HEADERS_LIMIT = 64 * 1024
_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in _WORDS.split()) + _TAIL.encode()
)


class Broken(ValueError):
    """What arrived is no SPDY."""


class Opened(msgspec.Struct, frozen=True):
    """The peer opens a stream."""

    stream: int
    headers: dict[str, str]
    ended: bool


class Data(msgspec.Struct, frozen=True):
    """Data on a stream; ``ended`` says that no more will come."""

    stream: int
    data: bytes
    ended: bool


class Reset(msgspec.Struct, frozen=True):
    """The peer gives a stream up."""

    stream: int


class Ping(msgspec.Struct, frozen=True):
    """The peer asks whether anybody is there."""

    number: int


class GoAway(msgspec.Struct, frozen=True):
    """The peer opens no more streams."""


Event = Opened | Data | Reset | Ping | GoAway


class Connection:
    """One SPDY connection, without a socket: bytes in, events out; and frames to send."""

    def __init__(self) -> None:
        self._buffer = b""
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(level=6, zdict=DICTIONARY)

    # -- what arrives

    def receive(self, data: bytes) -> Iterator[Event]:
        """The events in what has arrived; raises ``Broken``."""
        self._buffer += data
        while len(self._buffer) >= 8:
            head, rest = struct.unpack(">II", self._buffer[:8])
            flags, length = rest >> 24, rest & 0xFFFFFF
            if length > FRAME_LIMIT:
                raise Broken(f"a frame of {length} bytes is too large")
            if len(self._buffer) < 8 + length:
                return
            payload = self._buffer[8 : 8 + length]
            self._buffer = self._buffer[8 + length :]
            if head & 0x80000000:
                if head >> 16 & 0x7FFF != VERSION:
                    raise Broken("only SPDY version 3 is spoken")
                event = self._control(head & 0xFFFF, flags, payload)
                if event is not None:
                    yield event
            else:
                yield Data(head & 0x7FFFFFFF, payload, bool(flags & FIN))

    def _control(self, kind: int, flags: int, payload: bytes) -> Event | None:
        try:
            if kind == SYN_STREAM:
                (stream,) = struct.unpack(">I", payload[:4])
                return Opened(stream & 0x7FFFFFFF, self._headers(payload[10:]), bool(flags & FIN))
            if kind in (SYN_REPLY, HEADERS):
                self._headers(payload[4:])  # the compression of headers goes on from one to the next
            elif kind == RST_STREAM:
                return Reset(struct.unpack(">I", payload[:4])[0] & 0x7FFFFFFF)
            elif kind == PING:
                return Ping(struct.unpack(">I", payload[:4])[0])
            elif kind == GOAWAY:
                return GoAway()
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise Broken(f"a frame of type {kind} cannot be read: {error}") from None
        return None

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._inflate.decompress(block, HEADERS_LIMIT)
        if self._inflate.unconsumed_tail:
            raise Broken("the headers are too large")
        (count,) = struct.unpack(">I", plain[:4])
        found, at = {}, 4
        for _ in range(count):
            name, at = _text(plain, at)
            value, at = _text(plain, at)
            found[name.lower()] = value
        return found

    # -- what is sent

    def reply(self, stream: int) -> bytes:
        """Accept a stream."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(SYN_REPLY, 0, struct.pack(">I", stream) + block)

    def data(self, stream: int, data: bytes, ended: bool = False) -> bytes:
        """Data on a stream."""
        return struct.pack(">II", stream, (FIN if ended else 0) << 24 | len(data)) + data

    def window(self, stream: int, size: int) -> bytes:
        """Allow the peer so many bytes more."""
        return _control(WINDOW_UPDATE, 0, struct.pack(">II", stream, size))

    def reset(self, stream: int, status: int = 5) -> bytes:
        """Give a stream up (5: cancelled)."""
        return _control(RST_STREAM, 0, struct.pack(">II", stream, status))

    def pong(self, number: int) -> bytes:
        """Answer a ping."""
        return _control(PING, 0, struct.pack(">I", number))


def _control(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">II", 0x80000000 | VERSION << 16 | kind, flags << 24 | len(payload)) + payload


def _text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack(">I", data[at : at + 4])
    if at + 4 + length > len(data):
        raise Broken("a header is cut short")
    return data[at + 4 : at + 4 + length].decode("latin-1"), at + 4 + length
