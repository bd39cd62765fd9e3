"""SPDY frames: what a client would send is understood, and what nobody should send breaks nothing."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.rest.streams import spdy


def headers(deflate: zlib._Compress, values: dict[str, str]) -> bytes:
    """A block of headers as a client compresses it."""
    plain = struct.pack(">I", len(values))
    for text in (text for pair in values.items() for text in pair):
        plain += struct.pack(">I", len(text)) + text.encode()
    return deflate.compress(plain) + deflate.flush(zlib.Z_SYNC_FLUSH)


def opening(deflate: zlib._Compress, stream: int, values: dict[str, str]) -> bytes:
    """A SYN_STREAM frame."""
    payload = struct.pack(">IIBB", stream, 0, 0, 0) + headers(deflate, values)
    return struct.pack(">II", 0x80000000 | 3 << 16 | spdy.SYN_STREAM, len(payload)) + payload


def conversation() -> bytes:
    """Two streams opened, data on one, a ping."""
    deflate = zlib.compressobj(zdict=spdy.DICTIONARY)
    first = opening(deflate, 1, {"streamtype": "error", "port": "80", "requestid": "0"})
    second = opening(deflate, 3, {"Streamtype": "data", "port": "80", "requestid": "0"})
    data = struct.pack(">II", 3, spdy.FIN << 24 | 5) + b"hello"
    ping = struct.pack(">III", 0x80000000 | 3 << 16 | spdy.PING, 4, 7)
    return first + second + data + ping


EVENTS = [
    spdy.Opened(1, {"streamtype": "error", "port": "80", "requestid": "0"}, False),
    spdy.Opened(3, {"streamtype": "data", "port": "80", "requestid": "0"}, False),
    spdy.Data(3, b"hello", True),
    spdy.Ping(7),
]


def test_the_dictionary_is_that_of_the_draft() -> None:
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 0xE3C6A7C2)


@given(st.lists(st.integers(1, 200), max_size=8))
def test_frames_may_arrive_in_any_pieces(cuts: list[int]) -> None:
    connection, whole, events = spdy.Connection(), conversation(), []
    for cut in [*cuts, len(whole)]:
        piece, whole = whole[:cut], whole[cut:]
        events += list(connection.receive(piece))
    events += list(connection.receive(whole))

    assert events == EVENTS


@given(st.binary(max_size=300))
def test_noise_is_refused_or_waited_for(noise: bytes) -> None:
    connection = spdy.Connection()
    try:
        list(connection.receive(conversation() + noise))
    except spdy.Broken:
        return


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (struct.pack(">II", 1, spdy.FRAME_LIMIT + 1), "too large"),
        (struct.pack(">II", 0x80000000 | 2 << 16 | 1, 0), "version 3"),
        (struct.pack(">II", 0x80000000 | 3 << 16 | spdy.SYN_STREAM, 14) + b"\0" * 14, "cannot be read"),
    ],
)
def test_broken_frames_are_named(frame: bytes, words: str) -> None:
    with pytest.raises(spdy.Broken, match=words):
        list(spdy.Connection().receive(frame))


def test_headers_cannot_grow_without_bound() -> None:
    deflate = zlib.compressobj(zdict=spdy.DICTIONARY)
    frame = opening(deflate, 1, {"bomb": "0" * 10_000_000})

    assert len(frame) < 100_000
    with pytest.raises(spdy.Broken, match="headers are too large"):
        list(spdy.Connection().receive(frame))


def test_what_is_sent_is_read_by_the_other_side() -> None:
    ours, theirs = spdy.Connection(), spdy.Connection()
    sent = ours.reply(1) + ours.window(3, 5) + ours.data(3, b"answer", True) + ours.pong(7) + ours.reset(5)

    assert [spdy.Data(3, b"answer", True), spdy.Ping(7), spdy.Reset(5)] == list(theirs.receive(sent))
