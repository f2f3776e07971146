"""The page of a sweep: a picture of all trials, what matters, and a table."""

import re

import pytest

pytest.importorskip("optuna", reason="the sweep extra is not installed")

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.training.sweeps import sweep, write_sweep_page


def swept(folder, space, results, **options):
    return sweep(lambda trial: results[trial.number], space, folder, trials=len(results), **options)


def page_of(folder, study):
    return write_sweep_page(folder, study).read_text(encoding="utf-8")


def test_the_setting_that_explains_the_results_matters_most(tmp_path):
    space = {"little": [1, 2], "much": ["a", "b", "c"]}
    page = page_of(tmp_path, swept(tmp_path, space, [1.0, 2.0, 3.0, 1.01, 2.01, 3.01]))
    matters = re.findall(r'<th scope="row">(\w+)</th>\s*<td class="number">(\d+)%', page)
    assert [name for name, _ in matters] == ["much", "little"]
    assert int(matters[0][1]) > 90
    assert 'alt="6 trials; the best has little 1, much a."' in page
    assert int(re.search(r'<img src="[^"]*" style="min-width:(\d+)px"', page)[1]) > 300  # it has letters


def test_the_line_of_the_worst_trial_is_seen_on_white(tmp_path):
    page_of(tmp_path, swept(tmp_path, {"x": [1, 2, 3]}, [1.0, 2.0, 3.0]))
    strokes = re.findall(r"stroke: #(..)(....)", (tmp_path / "trials.svg").read_text(encoding="utf-8"))
    assert len(set(strokes)) >= 3
    assert max(int(red, 16) for red, _ in strokes) < 0xC0


@pytest.mark.parametrize("results", [[1.0], [1.0, 1.0], [1.0, float("inf")]])
def test_results_without_a_difference_have_a_page(tmp_path, results):
    page = page_of(tmp_path, swept(tmp_path, {"x": [1, 2]}, results))
    assert "Trial 0: x 1." in page
    assert "What matters" not in page


def test_results_that_no_setting_explains_have_a_page(tmp_path):
    page = page_of(tmp_path, swept(tmp_path, {"x": [1, 1]}, [1.0, 2.0]))
    assert "Trial 0: x 1." in page
    assert "What matters" not in page


def test_a_picture_is_not_written_through_a_link(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "trials.svg").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match=r"trials\.svg is a link to .*elsewhere"):
        page_of(tmp_path / "study", swept(tmp_path / "study", {"x": [1, 2]}, [1.0, 2.0]))
    assert not (tmp_path / "elsewhere").exists()


def test_a_sweep_of_failures_says_why(tmp_path):
    page = page_of(tmp_path, sweep(lambda trial: 1 / 0, {"x": [1, 2]}, tmp_path))
    assert page.count("fail: ZeroDivisionError: division by zero") == 2
