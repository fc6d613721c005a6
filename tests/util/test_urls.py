from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.util.urls import Redactor, redact

SECRET = "s3cret"

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
no_space = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \t\r\n\f\v"))
schemes = st.sampled_from(("rtsp", "rtsps", "http", "https", "rtmp", "RTSP"))


def test_public_addresses_are_kept() -> None:
    address = "https://example.org/104342d2d3480b3e66203073dac24f4e2dbb4c41/x.tflite"
    text = f"{address}: 404, {address} is gone"
    assert Redactor(public=[address])(text) == text
    assert Redactor(public=[address])(f"{address}?token=s3cret") == (
        "https://example.org/***/x.tflite?..."
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("stream rtsp://me:s3cret@cam:554/x is gone", "stream rtsp://***@cam:554/x is gone"),
        ("'rtsp://me:s3cret@cam/x'", "'rtsp://***@cam/x'"),
        ("rtsp://s3cret@cam", "rtsp://***@cam"),
        ("http://cam/x?token=s3cret, twice", "http://cam/x?... twice"),
        ("401 for me:s3cret@cam", "401 for ***@cam"),
        ("me:s3cret@cam,http://cam/x", "***@cam,http://cam/x"),
        ("rtsp://a:s3cret@h,rtsp://b:s3cret@i", "rtsp://***@i"),
        ("https://example.org/a/b#c", "https://example.org/a/b#c"),
        ("mode 1280x720@60 at 12:03, me@example.org", "mode 1280x720@60 at 12:03, me@example.org"),
        ("http://cam/live/0123456789abcdef/x.mp4", "http://cam/live/***/x.mp4"),
        ("http://cam/s3cr3tT0ken: 404", "http://cam/***: 404"),
        ("http://cam/token/abc/stream", "http://cam/***/***/stream"),
        ("rtsp://cam/user=me_password=abc_channel=1.sdp", "rtsp://cam/***"),
        ("http://cam/x;jsessionid=abc", "http://cam/***"),
        ("rtsp://cam/Streaming/Channels/101", "rtsp://cam/Streaming/Channels/101"),
        ("rtsp://cam/h264Preview_01_main", "rtsp://cam/h264Preview_01_main"),
        ("http://cam/axis-cgi/mjpg/video.cgi", "http://cam/axis-cgi/mjpg/video.cgi"),
        ("http://cam:8080/video1080p.m3u8", "http://cam:8080/video1080p.m3u8"),
        ("rtsp://cam/cam/realmonitor?channel=1", "rtsp://cam/cam/realmonitor?..."),
        ("http://cam/x?me=a@b.c&pwd=s3@cret", "http://***"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert Redactor()(text) == shown


@settings(deadline=None)
@given(anything, schemes, no_space, no_space, anything)
def test_no_password_is_shown(before: str, scheme: str, start: str, end: str, after: str) -> None:
    text = f"{before} {scheme}://me:{start}{SECRET}{end}@camera/x {after}"
    assert SECRET not in Redactor()(text)


@settings(deadline=None)
@given(anything, anything, anything, anything)
def test_no_password_of_a_known_address_is_shown_whatever_it_is_made_of(
    before: str, start: str, end: str, after: str
) -> None:
    address = f"rtsp://me:{start}{SECRET}{end}@camera/x"
    redact = Redactor(["demo", address])
    for text in (address, repr(address), f"user me:{start}{SECRET}{end}@camera"):
        assert SECRET not in redact(f"{before}{text}{after}")


@settings(deadline=None)
@given(st.lists(st.text("abc/:@?. ")))
def test_doing_it_twice_changes_nothing_more(parts: list[str]) -> None:
    once = Redactor()("rtsp://".join(parts))
    assert Redactor()(once) == once


def test_an_encoded_password_is_not_shown_decoded() -> None:
    redact = Redactor(["rtsp://me:a%20s3cret@cam"])
    assert redact("login me:a s3cret@cam refused") == "login ***@cam refused"


def test_long_texts_take_no_time() -> None:
    text = "a:" * 100_000 + " " + "://" * 100_000 + "@" * 100_000
    assert Redactor()(text).endswith("@")


def test_secrets_of_a_known_address_are_removed_wherever_they_stand() -> None:
    redact = Redactor(["http://cam/live/S3CR3TT0KEN/x?profile=main&token=abcdef"])
    assert redact("GET /live/S3CR3TT0KEN/x: 404") == "GET /live/***/x: 404"
    assert "abcdef" not in redact("token abcdef is wrong")
    assert redact("profile main is live") == "profile main is live"


def test_of_other_names_nothing_is_removed() -> None:
    for name in ("demo", "/dev/video0", "videos/2026-11-28 12:30:45/a@b:c.mp4", "camera:C920"):
        assert redact(name) == name
    assert redact("rtsp://me:a b@cam/x") == "rtsp://***@cam/x"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://cam/live", "rtsp://cam/live"),
        ("rtsp://cam:554/live", "rtsp://cam:554/live"),
        ("rtsp://joe:secret@cam:554/live", "rtsp://***@cam:554/live"),
        ("rtsp://joe@cam/live", "rtsp://***@cam/live"),
        ("rtsp://:secret@cam/live", "rtsp://***@cam/live"),
        ("rtsp://joe:se:cr@et@cam/live", "rtsp://***@cam/live"),
        ("http://cam/x?user=joe&pwd=secret", "http://cam/x?..."),
        ("http://cam/x#secret", "http://cam/x#***"),
        ("http://joe:secret@[fe80::1]:80/x", "http://***@[fe80::1]:80/x"),
        ("http://[fe80::1/x", "http://[fe80::1/x"),
        ("rtsp://joe:secret@cam:99999/x", "rtsp://***@cam:99999/x"),
        # A password may contain characters that end the host in a URL.
        ("rtsp://joe:secret/more@cam/live", "rtsp://***@cam/live"),
        ("rtsp://joe:123#secret@cam/live", "rtsp://***@cam/live"),
        ("rtsp://joe:123/secret@cam/live", "rtsp://***@cam/live"),
        ("rtsp://joe:123?secret@cam/live", "rtsp://***"),
        ("http://cam:80/@someone/live", "http://***@someone/live"),
    ],
)
def test_what_is_shown_of_an_address(url: str, shown: str) -> None:
    assert redact(url) == shown
    assert "secret" not in redact(url)
    assert "123" not in redact(url)


PASSWORDS = st.one_of(
    st.text(min_size=4),
    st.text("secrt0123456789:/?#[]@!$&'()*+,;=%", min_size=4, max_size=12),
)


@given(PASSWORDS, st.sampled_from(["joe", "", "j%40e"]), st.sampled_from(["rtsp", "http", "tcp"]))
def test_a_password_is_never_shown(password: str, user: str, scheme: str) -> None:
    host = "cam.example"
    shown = redact(f"{scheme}://{user}:{password}@{host}:554/live")
    for harmless in ("***@", f"{host}:554/live"):
        shown = shown.replace(harmless, "")
    assert password not in shown
    shown = redact(f"{scheme}://{host}/live?user={user}&password={password}")
    assert password not in shown


@given(st.text())
def test_any_text_can_be_shown(text: str) -> None:
    assert isinstance(redact(text), str)
    assert isinstance(redact("rtsp://" + text), str)
