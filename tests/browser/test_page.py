"""Tests of the web page in a real browser, served by the real command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import Browsing, Served
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

Serve = Callable[..., Served]

PHONE = {"viewport": {"width": 360, "height": 800}}
DRAWN = """() => {
    const canvas = document.getElementById("skeletons");
    if (!canvas.width) return false;
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.some((value, index) => index % 4 === 3 && value > 0);
}"""
CHANGED = """(before) => {
    const now = document.getElementById("fps").textContent;
    return parseFloat(now) > 0 && now !== before;
}"""
PICTURE = "() => document.getElementById('picture').naturalWidth"
SETTLED_MS = 60_000


def value(page: Page, key: str) -> Locator:
    return page.locator(f'[data-key="{key}"]')


def test_figures_change_and_poses_arrive(serve: Serve, browsing: Browsing) -> None:
    served = serve()
    page = browsing.open(served.address)
    page.wait_for_function(CHANGED, arg="")
    page.wait_for_function(CHANGED, arg=page.text_content("#fps"))
    page.wait_for_function(PICTURE)
    page.click("#mode")
    page.wait_for_function(DRAWN)
    assert page.get_attribute("#mode", "aria-pressed") == "true"
    assert page.locator("#plots svg").count() >= 2
    assert browsing.faults == []
    assert all(
        url.startswith((served.address, served.address.replace("http", "ws"), "blob:"))
        for url in browsing.requested
    )
    assert served.log.end() == 0


def test_a_chosen_model_answers_and_is_kept_when_that_is_asked(
    serve: Serve, browsing: Browsing, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("model:\n  threads: 1  # it shares the machine\n", encoding="utf-8")
    page = browsing.open(serve("--config", str(config)).address)
    value(page, "model.name").select_option("movenet-thunder-int8")
    expect(page.locator("#about")).to_contain_text("movenet-thunder-int8", timeout=SETTLED_MS)
    expect(value(page, "model.name")).to_have_value("movenet-thunder-int8")
    expect(page.locator("#unsaved-keys")).to_have_text("model.name")
    assert "thunder" not in config.read_text(encoding="utf-8")
    page.click("#keep")
    expect(page.locator("#unsaved")).to_be_hidden(timeout=SETTLED_MS)
    kept = config.read_text(encoding="utf-8")
    assert "movenet-thunder-int8" in kept
    assert "# it shares the machine" in kept


def test_a_refused_change_says_why(serve: Serve, browsing: Browsing) -> None:
    page = browsing.open(serve().address)
    value(page, "edgetpu.mode").select_option("on")
    expect(page.locator("#said")).to_contain_text("Edge TPU", timeout=SETTLED_MS)
    expect(value(page, "edgetpu.mode")).to_have_value("auto", timeout=SETTLED_MS)


def test_a_snapshot_has_the_size_of_the_frame(
    serve: Serve, browsing: Browsing, tmp_path: Path
) -> None:
    page = browsing.open(serve().address)
    page.wait_for_function(CHANGED, arg="")
    with page.expect_download() as waiting:
        page.click("#snapshot")
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    with Image.open(path) as picture:
        assert picture.size == (1280, 720)


def test_the_network_goes_and_comes_back(serve: Serve, browsing: Browsing) -> None:
    page = browsing.open(serve().address)
    health = page.locator("#health-text")
    expect(health).to_contain_text("demo", timeout=SETTLED_MS)
    page.context.set_offline(True)
    expect(health).to_contain_text("does not answer", timeout=SETTLED_MS)
    page.context.set_offline(False)
    expect(health).to_contain_text("demo", timeout=SETTLED_MS)
    page.wait_for_function(PICTURE)


def test_the_page_survives_a_restart_of_the_program(serve: Serve, browsing: Browsing) -> None:
    served = serve()
    page = browsing.open(served.address)
    health = page.locator("#health-text")
    expect(health).to_contain_text("demo", timeout=SETTLED_MS)
    page.click("#mode")
    page.wait_for_function(DRAWN)
    assert served.log.end() == 0
    expect(health).to_contain_text("does not answer", timeout=SETTLED_MS)
    page.evaluate("() => { document.getElementById('skeletons').width = 0; }")
    served.start()
    expect(health).to_contain_text("demo", timeout=SETTLED_MS)
    page.wait_for_function(DRAWN)


def change_state(page: Page, **fields: object) -> None:
    """Replace fields of the state that the page gets from the program."""

    def answer(route: Route) -> None:
        fetched = route.fetch()
        route.fulfill(response=fetched, json={**fetched.json(), **fields})

    page.unroute("**/api/state")
    page.route("**/api/state", answer)


def test_a_picture_that_was_refused_is_asked_for_again(serve: Serve, browsing: Browsing) -> None:
    page = browsing.open(serve().address)
    page.route("**/stream.mjpg*", lambda route: route.fulfill(status=503))
    page.reload()
    veil = page.locator("#veil")
    expect(veil).to_have_text("No picture; trying again", timeout=SETTLED_MS)
    change_state(page, watchers=8, most_clients=8)
    expect(veil).to_contain_text("8 people are watching already", timeout=SETTLED_MS)
    page.unroute("**/stream.mjpg*")
    page.wait_for_function(PICTURE)
    expect(veil).to_be_hidden(timeout=SETTLED_MS)


def test_a_server_that_was_replaced_is_asked_for_its_picture(
    serve: Serve, browsing: Browsing
) -> None:
    page = browsing.open(serve().address)
    page.wait_for_function(PICTURE)
    page.wait_for_function(CHANGED, arg="")
    with page.expect_request("**/stream.mjpg?*"):
        change_state(page, server="another")


def test_skeletons_do_not_stay_when_no_lines_come(serve: Serve, browsing: Browsing) -> None:
    page = browsing.open(serve().address)
    page.click("#mode")
    page.wait_for_function(DRAWN)
    page.evaluate("() => { socket.onmessage = null; }")
    page.wait_for_timeout(5000)
    assert page.evaluate(DRAWN), "the last picture of a file stays"
    change_state(page, live=True)
    page.wait_for_function(f"() => !({DRAWN})()")


def test_two_tabs_see_the_same(serve: Serve, browsing: Browsing) -> None:
    served = serve()
    first = browsing.open(served.address)
    second = browsing.open_tab(first.context, served.address)
    for page in (first, second):
        page.bring_to_front()
        page.wait_for_function(CHANGED, arg="")
    value(second, "overlay.background").select_option("black")
    first.bring_to_front()
    expect(value(first, "overlay.background")).to_have_value("black", timeout=SETTLED_MS)


def test_other_machines_log_in_with_the_token(
    serve: Serve, browsing: Browsing, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    token.chmod(0o600)
    served = serve("--set", f"web.token_file={token}", host="0.0.0.0")
    page = browsing.open(served.address)
    page.fill("#token", "wrong")
    page.click("button")
    expect(page.locator("[role=alert]")).to_contain_text("token")
    page.fill("#token", "correct-horse-battery")
    page.click("button")
    page.wait_for_function(CHANGED, arg="")
    assert "correct-horse-battery" not in page.url
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert "correct-horse-battery" not in cookie["value"]
    page.click("#logout button")
    expect(page.locator("#token")).to_be_visible()


def test_a_name_is_never_markup(serve: Serve, browsing: Browsing, tmp_path: Path) -> None:
    name = "<img src=x onerror=document.title='hit'>.jsonl"
    page = browsing.open(serve("--poses", name).address)
    expect(page.locator("#files")).to_contain_text("<img src=x", timeout=SETTLED_MS)
    assert page.locator("#files img").count() == 0
    assert "hit" not in page.title()


def test_a_file_is_deleted_after_a_question(
    serve: Serve, browsing: Browsing, tmp_path: Path
) -> None:
    earlier = tmp_path / "walk-2026-01-01_00-00-00.jsonl"
    earlier.write_text("{}\n", encoding="utf-8")
    page = browsing.open(serve("--poses", "walk-{time}.jsonl").address)
    remove = page.get_by_role("button", name=f"Delete {earlier.name}")
    remove.click()
    page.get_by_role("button", name="Keep it").click()
    assert earlier.exists()
    remove.click()
    page.locator("#question").get_by_role("button", name="Delete", exact=True).click()
    expect(remove).to_have_count(0, timeout=SETTLED_MS)
    assert not earlier.exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it(serve: Serve, browsing: Browsing, scheme: str) -> None:
    page = browsing.open(serve().address, **PHONE, color_scheme=scheme)
    page.wait_for_function(CHANGED, arg="")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_everything_can_be_reached_and_is_named(serve: Serve, browsing: Browsing) -> None:
    page = browsing.open(serve().address)
    page.wait_for_function(CHANGED, arg="")
    controls = page.locator("button:visible, select:visible, input:visible, summary:visible")
    wanted = controls.count()
    assert wanted >= 12
    reached = set()
    for _ in range(wanted * 2 + 10):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
        named = """() => { const one = document.activeElement; return one === document.body
            || Boolean((one.ariaLabel ?? "") + one.textContent.trim()
            + [...(one.labels ?? [])].map((label) => label.textContent.trim()).join("")); }"""
        assert page.evaluate(named)
    assert len(reached) >= wanted


def test_without_scripts_the_picture_is_shown(serve: Serve, browsing: Browsing) -> None:
    page = browsing.open(serve().address, java_script_enabled=False)
    with page.expect_response("**/stream.mjpg") as answer:
        page.reload(wait_until="commit")
    assert answer.value.status == 200
