"""The page's trainer, its files and its addresses, in Node."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from tests.play.scripts import PAGE

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")

ONE_WEIGHT = Path(__file__).with_name("one_weight.js").read_text()


def run(names, script, given=None):
    """What a script prints as JSON, with files of the page before it."""
    text = "".join((PAGE / f"{name}.js").read_text() for name in names)
    text += f"const given = {json.dumps(given)};\n{script}"
    done = subprocess.run(["node", "-e", text], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def uniforms(seed):
    """The page's generator: Mulberry32."""
    state = seed % 2**32
    while True:
        state = (state + 0x6D2B79F5) % 2**32
        mixed = (state ^ state >> 15) * (state | 1) % 2**32
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) % 2**32
        yield (mixed ^ mixed >> 14) / 2**32


def order_of(count, seed, epoch):
    """The page's order of the examples in an epoch."""
    draws, order = uniforms(seed + 0x9E3779B9 * epoch), list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(next(draws) * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def test_order_of_examples_follows_from_seed_and_epoch():
    cases = [[57, seed, epoch] for seed in (0, 1, 2**31 - 1) for epoch in (0, 1, 1000)]
    found = run(["worker"], "console.log(JSON.stringify(given.map((each) => orderOf(...each))));", cases)
    assert found == [order_of(*case) for case in cases]
    assert len({tuple(order) for order in found}) == len(cases)
    firsts = [order_of(10, seed, 0)[0] for seed in range(2000)]
    assert np.bincount(firsts, minlength=10).min() > 150  # even: 200 each, give or take 14


def test_batch_holds_the_next_examples_of_the_order():
    found = run(["worker"], ONE_WEIGHT + "train(3); console.log(JSON.stringify(seen));")
    order = order_of(10, 7, 0), order_of(10, 7, 1)
    for step, examples in enumerate([order[0][:4], order[0][4:8], order[1][:4]]):
        x, targets, lr, momentum = found[4 * step : 4 * step + 4]
        assert x == [number for i in examples for number in (2 * i, 2 * i + 1)]
        assert targets == [number for i in examples for number in (1 - i % 2, i % 2)]
        assert (lr, momentum) == (0.5, 0.25)


def test_snapshots_are_spread_over_the_whole_training():
    found = run(["worker"], ONE_WEIGHT + "train(10_000); console.log(JSON.stringify(state()));")
    gaps = set(np.diff(found["places"]))
    assert found["places"][0] == 0
    assert len(gaps) == 1
    assert 30 <= len(found["places"]) <= 60
    assert found["at"] - found["places"][-1] < gaps.pop()
    steps, means = found["losses"][::2], found["losses"][1::2]
    assert steps[-1] == 10_000
    assert 500 <= len(steps) <= 1000
    assert means == [np.mean(range(low, high)) for low, high in zip([0, *steps], steps)]


def test_going_back_and_on_forgets_what_came_after():
    script = """
    train(100); trainer.go(10); const back = state(), first = trainer.snapshots[10].step;
    trainer.go(99); const again = state();
    trainer.go(10); trainer.settings = { lr: 1, momentum: 0, mistake: null }; train(1); const on = state();
    trainer.go(10); trainer.settings = { lr: 0.5, momentum: 0.25, mistake: null }; train(1);
    console.log(JSON.stringify({ first, back, again, on, plan: trainer.plan }));"""
    found = run(["worker"], ONE_WEIGHT + script)
    first = found["first"]
    assert found["back"]["w"] == found["back"]["at"] == first
    assert found["back"]["v"] == 2 * first
    assert found["again"]["w"] == 100
    assert found["on"]["w"] == found["on"]["at"] == first + 1
    assert max(found["on"]["places"]) <= first + 1
    assert found["on"]["losses"][-2:] == [first + 1, first]
    assert [(stretch["from"], stretch["lr"]) for stretch in found["on"]["plan"]] == [(0, 0.5), (first, 1)]
    assert len(found["plan"]) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_safetensors_are_read_back_by_python(dtype):
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in
              (("0.weight", (3, 2)), ("<é>", (5,)), ("scalar", ()))}  # fmt: skip
    tensors = [
        {"name": name, "shape": array.shape, "dtype": array.dtype.name, "values": array.ravel().tolist()}
        for name, array in arrays.items()
    ]
    script = "console.log(JSON.stringify([...safetensorsOf(given)]));"
    found = load(bytes(run(["safetensors"], script, tensors)))
    assert {(n, a.dtype, a.shape) for n, a in found.items()} == {
        (n, a.dtype, a.shape) for n, a in arrays.items()
    }
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    script = """const file = Uint8Array.from(given[0]).buffer, back = tensorsIn(file, given[1]);
    console.log(JSON.stringify([...back].map(([name, values]) => [name, [...values]])));"""
    again = dict(run(["safetensors"], script, [list(save(arrays, {"a": "text"})), tensors]))
    assert again == {name: array.ravel().tolist() for name, array in arrays.items()}


def test_file_of_something_else_is_refused():
    wanted = [{"name": "w", "shape": [2, 3]}]
    good = save({"w": np.zeros((2, 3), np.float32)})
    other = "of another network: expected w with 2 × 3 numbers"
    headers = (b"null", b'{"w": {"dtype": "F32", "shape": [2, 3]}}')
    damaged = [
        b"",
        b"abc",
        bytes(8),
        bytes([9] * 40),
        good[:-1],
        *(len(h).to_bytes(8, "little") + h for h in headers),
    ]
    others = {"v": (2, 3), "w": (3, 2)}
    cases = [(file, "not a safetensors file") for file in damaged]
    cases += [(save({name: np.zeros(shape, np.float32)}), other) for name, shape in others.items()]
    cases += [(save({"w": np.zeros((2, 3), int)}), other)]
    script = """const read = (file) => tensorsIn(Uint8Array.from(file).buffer, given[1]);
    console.log(JSON.stringify(given[0].map(read)));"""
    found = run(["safetensors"], script, [[list(file) for file, _ in cases], wanted])
    for sentence, (_, expected) in zip(found, cases):
        assert expected in sentence


def test_drawn_picture_survives_the_address():
    rng = np.random.default_rng(1)
    pictures = [np.zeros(784), rng.integers(0, 256, 784), rng.integers(0, 256, 784) * (rng.random(784) < 0.2)]
    script = """
    const pair = (bytes) => [packed(bytes).length, [...unpacked(packed(bytes), bytes.length)]];
    console.log(JSON.stringify(given.map((each) => pair(Uint8Array.from(each)))));"""
    found = run(["address"], script, [picture.astype(int).tolist() for picture in pictures])
    assert [back for _, back in found] == [picture.tolist() for picture in pictures]
    assert found[0][0] < 16
    damaged = [["", 4], ["!", 4], ["AAQ", 3], ["AP_A", 4]]
    script = "console.log(JSON.stringify(given.map(([text, size]) => unpacked(text, size))));"
    assert run(["address"], script, damaged) == [None] * 4
