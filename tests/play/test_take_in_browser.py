"""The tab Take away and the tasks in a browser: addresses, files, ticks."""

import csv
import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.play.browsing import drag, wait_for
from tinygrad_mnist import load, nn, no_grad, ops

pytestmark = pytest.mark.long
STATE = """JSON.stringify({
  tab: page.tab, example: page.example, label: page.label, unit: page.unit, weight: page.weight,
  mistake: page.mistake, input: [...page.input], settings: learning.settings,
  weights: [...page.network.arrays].map(([name, values]) => [name, [...values]]),
  seed: learning.seed, start: learning.start, at: learning.report?.at, plan: learning.report?.plan,
})"""


def state(tab):
    return json.loads(tab.evaluate(STATE))


def address(tab):
    """The address that the reader can copy."""
    tab.click("#tab-take")
    wait_for(tab, "page.tab === 'take'")
    return "#" + tab.input_value("#address").partition("#")[2]


def test_address_gives_the_same_state(opened, digits_page):
    tab = opened(digits_page)
    tab.click("#tab-learn")
    wait_for(tab, "learning.report")
    tab.fill("#seed", "3")
    tab.press("#seed", "Tab")
    tab.click("#reset")
    tab.click("#step-ten")
    wait_for(tab, "learning.report.at === 10")
    tab.press("#lr", "ArrowRight")
    for _ in range(3):
        tab.click("#step-ten")
    wait_for(tab, "learning.report.at === 40")
    tab.click("#example-5") if tab.is_visible("#example-5") else tab.evaluate("page.choose('test', 5)")
    tab.evaluate("page.expect(2); page.look({ layer: 0, index: 3 })")
    wait_for(tab, "page.unit.index === 3")
    tab.click("#tab-check")
    tab.fill("#weight-from", "12")
    tab.press("#weight-from", "Tab")
    tab.select_option("#mistake", index=1)
    wait_for(tab, "page.weight && page.mistake")
    where = address(tab)
    before = state(tab)
    assert before["example"] == {"set": "test", "index": 5}
    assert [stretch["from"] for stretch in before["plan"]] == [0, 10]
    again = opened(digits_page, where)
    wait_for(again, "learning.report?.at === 40 && !learning.isRunning && page.tab === 'take'")
    assert state(again) == before
    assert address(again) == where
    assert "40 training steps are in the address" in again.inner_text(".take")
    again.evaluate("location.hash = '#tab=check&test=7'")
    wait_for(again, "page.tab === 'check' && page.example.index === 7 && learning.report.at === 0")
    there = state(again)
    assert (there["mistake"], there["weight"], there["settings"]["lr"]) == (None, None, 0.05)
    first = again.evaluate("[...page.network.first].map(([name, values]) => [name, [...values]])")
    assert there["weights"] == first


def test_drawn_picture_is_in_the_address(opened, digits_page):
    tab = opened(digits_page)
    tab.click("#clear")
    drag(tab, "#pad", (0.3, 0.2), (0.6, 0.8))
    wait_for(tab, "page.example === null && page.input.some((ink) => ink > 0)")
    where, before = address(tab), state(tab)
    tab.evaluate("page.choose('test', 0)")
    wait_for(tab, "page.example")
    tab.evaluate(f"location.hash = '{where}'")
    wait_for(tab, "page.example === null")
    after = state(tab)
    np.testing.assert_allclose(after.pop("input"), before.pop("input"), atol=0.5 / 255 + 1e-12)
    assert after == before
    assert address(tab) == where


def test_damaged_address_is_passed_over(opened, digits_page):
    bad = (
        "#tab=__proto__&test=99999&label=-1&unit=7_x&weight=0_1e9&mistake=<b>&lr=NaN&momentum=-1"
        "&start=given&seed=1e9&steps=9e99&plan=~_~0_x_&drawn=!!&point=1_2"
    )
    tab = opened(digits_page, bad)
    wait_for(tab, "location.hash.includes('tab=see')")
    found = state(tab)
    start = tab.evaluate("page.data.start.example")
    assert found["example"] == {"set": "test", "index": start}
    assert (found["tab"], found["mistake"], found["weight"]) == ("see", None, None)
    assert (found["settings"]["lr"], found["settings"]["momentum"]) == (0.05, 0.9)
    assert (found["start"], found.get("at")) == ("given", None)


def test_files_are_read_by_python(opened, digits_page, tmp_path):
    tab = opened(digits_page, accept_downloads=True)
    address(tab)
    assert tab.is_disabled("#save-curves")
    tab.click("#tab-learn")
    wait_for(tab, "learning.report")
    for _ in range(5):
        tab.click("#step-ten")
    wait_for(tab, "learning.report.at === 50")
    tab.click("#tab-take")
    wait_for(tab, "page.tab === 'take'")
    saved = {}
    for name in ("weights", "curves", "python"):
        with tab.expect_download() as download:
            tab.click(f"#save-{name}")
        saved[name] = download.value
    assert {file.suggested_filename for file in saved.values()} == {
        "weights.safetensors",
        "curves.csv",
        "step.py",
    }
    arrays, found = (
        dict(tab.evaluate("[...page.network.arrays].map(([n, a]) => [n, [...a]])")),
        load_file(saved["weights"].path()),
    )
    assert set(found) == set(arrays)
    for name, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array.ravel(), np.array(arrays[name], np.float32))
    saved["weights"].save_as(tmp_path / "weights.safetensors")
    model = load(nn.perceptron("64-12-10", nn.Tanh), tmp_path / "weights.safetensors")
    with no_grad():
        answer = ops.softmax(model(np.array([tab.evaluate("[...page.input]")], np.float32))).data[0]
    np.testing.assert_allclose(tab.evaluate("[...page.seen.answer]"), answer, atol=1e-5)
    rows = list(csv.DictReader(saved["curves"].path().read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(51))
    losses = tab.evaluate("[...learning.report.losses]")[1::2]
    assert [float(row["training_loss"]) for row in rows[1:]] == losses
    assert float(rows[0]["test_accuracy"]) == tab.evaluate("learning.report.places[0].accuracy")
    assert saved["python"].path().read_text() == tab.evaluate("page.data.python")
    compile(saved["python"].path().read_text(), "step.py", "exec")
    again = opened(digits_page, "#tab=take")
    again.set_input_files("#open-weights", saved["weights"].path())
    wait_for(again, "learning.start === 'file' && learning.report?.at === 0")
    for name, values in again.evaluate("[...page.network.arrays].map(([n, a]) => [n, [...a]])"):
        np.testing.assert_array_equal(values, found[name].ravel())
    assert "share the file too" in again.inner_text(".take")
    again.set_input_files("#open-weights", saved["curves"].path())
    wait_for(again, "document.querySelector('.take').textContent.includes('not a safetensors file')")


def test_address_is_copied_or_selected(opened, digits_page):
    tab = opened(digits_page, permissions=["clipboard-read", "clipboard-write"])
    tab.click("#tab-take")
    wait_for(tab, "page.tab === 'take'")
    tab.press("#copy", "Enter")
    wait_for(tab, "document.querySelector('.take').textContent.includes('Copied')")
    assert tab.evaluate("navigator.clipboard.readText()") == tab.input_value("#address")
    tab.evaluate("() => { Object.defineProperty(navigator, 'clipboard', { value: undefined }); }")
    tab.click("#copy")
    wait_for(tab, "document.querySelector('.take').textContent.includes('selected above')")
    assert tab.evaluate("getSelection().toString()") == tab.input_value("#address")


def test_tasks_are_ticked_when_the_page_shows_them(opened, digits_page):
    tab = opened(digits_page)
    tab.click("#hint")
    assert "above the network" in tab.inner_text("#tasks")
    tab.click("#why")
    while not tab.is_disabled("#forward"):
        tab.click("#forward")
        wait_for(tab, "true")
    wait_for(tab, "tasks.done[0]")
    assert tab.inner_text("#task-1") == "✓"
    assert "Task 1 is done" in tab.inner_text("#tasks [role=status]")
    tab.click("#task-4")
    most = tab.evaluate("strongest(page.blamed.input, 1)[0]")
    picture = tab.locator("#given")
    pixel = picture.bounding_box()["width"] / 8
    picture.click(position={"x": (most % 8 + 0.5) * pixel, "y": (most // 8 + 0.5) * pixel})
    wait_for(tab, "tasks.done[3]")
    tab.click("#next-task")
    tab.click("#tab-learn")
    tab.click("#reset")
    tab.select_option("#speed", "as fast as it can")
    tab.click("#play")
    wait_for(tab, "tasks.done[4]")
    tab.click("#next-task")
    tab.click("#original")
    wait_for(tab, "!learning.isRunning")
    tab.press("#lr", "End")
    tab.click("#play")
    wait_for(tab, "tasks.done[5]")
    tab.click("#play")
    tab.click("#next-task")
    wait_for(tab, "!learning.isRunning")
    tab.press("#time", "Home")
    wait_for(tab, "tasks.done[6]")
    assert tab.inner_text("#task-7") == "✓"
    tab.click("#next-task")
    tab.click("#tab-check")
    tab.select_option("#mistake", index=1)
    tab.click("#check-all")
    tab.locator(".check button.small.wrong").first.click()
    wait_for(tab, "tasks.done[7]")
    assert tab.evaluate("tasks.done") == [True, False, False, True, True, True, True, True]
