"""Texts in base64 or hexadecimal digits, and what is packed within them."""

import base64
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.commands.encoded import LARGEST, text_of, unbase64, unhex, unpacked


@given(st.binary(min_size=1))
def test_base64_is_undone_without_padding_in_lines_and_in_its_form_for_addresses(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert unbase64(text) == unbase64(text.rstrip("=")) == unbase64("\n".join(text)) == data
    assert unbase64(base64.urlsafe_b64encode(data).decode()) == data


@pytest.mark.parametrize("text", ["", "a", "abc$", "a=b=", "\u00e9\u00e9\u00e9\u00e9", "curl: x"])
def test_what_is_no_base64_stays(text: str) -> None:
    assert unbase64(text) is None


@given(st.binary(min_size=1, max_size=2000))
def test_gzip_zlib_and_deflate_are_unpacked(data: bytes) -> None:
    packing = zlib.compressobj(wbits=-15)
    assert unpacked(gzip.compress(data)) == unpacked(zlib.compress(data)) == data
    assert unpacked(packing.compress(data) + packing.flush()) == data


def test_what_is_unpacked_is_bounded_and_may_be_cut_off() -> None:
    packed = gzip.compress(b"a" * (LARGEST * 4))
    assert unpacked(packed) == b"a" * LARGEST
    assert (unpacked(gzip.compress(bytes(range(256)) * 40)[:-200]) or b"").startswith(bytes(range(100)))


@given(st.binary())
def test_any_bytes_may_be_unpacked_and_read(data: bytes) -> None:
    assert len(unpacked(data) or b"") <= LARGEST
    assert isinstance(text_of(data), str)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16", "utf-8-sig", "latin-1"])
def test_bytes_are_read_in_the_encoding_that_they_look_like(encoding: str) -> None:
    assert text_of("curl -T plan.docx h \u00e9".encode(encoding)) == "curl -T plan.docx h \u00e9"


def test_hexadecimal_digits_are_undone() -> None:
    assert unhex("63 75 72 6C") == unhex("6375726c") == b"curl"
    assert unhex("curl") is unhex("637") is unhex("") is None
