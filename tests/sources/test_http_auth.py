from __future__ import annotations

import pytest

from pose_edge.sources.http_auth import authorization

# The example of RFC 7616, section 3.9.1.
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OWN_NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
EXAMPLE = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    f'nonce="{NONCE}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def answer(*challenges: str) -> str | None:
    """Answer challenges as the user in the RFC's example."""
    return authorization(
        challenges, "Mufasa", "Circle of Life", "/dir/index.html", make_nonce=lambda: OWN_NONCE
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_the_standard(algorithm: str, response: str) -> None:
    given = answer(EXAMPLE.format(algorithm))
    assert given is not None
    assert given.startswith('Digest username="Mufasa", realm="http-auth@example.org"')
    for field in (f'response="{response}"', "qop=auth", "nc=00000001", f'nonce="{NONCE}"'):
        assert field in given


def test_digest_without_qop_as_old_cameras_ask_for_it() -> None:
    """The example of RFC 2069, as corrected by its errata."""
    given = authorization(
        ['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'],
        "Mufasa",
        "CircleOfLife",
        "/dir/index.html",
    )
    assert given is not None
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in given
    assert "qop" not in given


def test_digest_is_preferred_and_basic_is_better_than_an_unknown_one() -> None:
    basic = 'Basic realm="x"'
    assert (answer(basic, EXAMPLE.format("MD5")) or "").startswith("Digest")
    assert (answer(EXAMPLE.format("SHA-512-256"), basic) or "").startswith("Basic TXVmYXNh")


@pytest.mark.parametrize("challenge", ["", "Negotiate", "Digest", "Digest x", 'Digest qop="int"'])
def test_what_is_not_known_has_no_answer(challenge: str) -> None:
    assert answer(challenge) is None


def test_a_quotation_mark_stays_within_its_value() -> None:
    given = authorization(['Digest realm="x", nonce="y"'], 'a"b', "c", "/")
    assert given is not None
    assert 'username="a\\"b"' in given
