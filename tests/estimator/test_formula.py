"""Formulas on frames of several libraries, against the matrices that they stand for."""

import subprocess
import sys
import warnings
from decimal import Decimal

import numpy as np
import pandas
import polars
import pytest
from sklearn.model_selection import cross_val_score

from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.estimator import Design, NeuralNetwork
from tinygrad_mnist.experiments import flowers

FLOWERS = load_iris()
COLUMNS = FLOWERS.columns()
FRAMES = {
    "mapping": COLUMNS,
    "pandas": pandas.DataFrame(COLUMNS),
    "pandas categories": pandas.DataFrame(COLUMNS).astype({"Species": "category"}),
    "polars": polars.DataFrame(COLUMNS),
    "polars categories": polars.DataFrame(COLUMNS).cast({"Species": polars.Categorical}),
    "polars levels": polars.DataFrame(COLUMNS).cast({"Species": polars.Enum(FLOWERS.species_names)}),
}


@pytest.fixture(params=list(FRAMES))
def frame(request):
    return FRAMES[request.param]


def test_dot_means_all_other_columns(frame):
    design = Design("Species ~ .", frame)
    assert design.names == ["Intercept", *FLOWERS.measurement_names]
    np.testing.assert_array_equal(design.inputs(frame)[:, 0], 1)
    np.testing.assert_array_equal(design.inputs(frame)[:, 1:], FLOWERS.measurements)
    assert design.response(frame).tolist() == COLUMNS["Species"].tolist()


def test_categories_interactions_and_transformations(frame):
    design = Design("log(`Sepal.Length`) ~ 0 + Species + scale(`Petal.Width`):`Petal.Length`", frame)
    width, length = COLUMNS["Petal.Width"], COLUMNS["Petal.Length"]
    product = (width - width.mean()) / width.std(ddof=1) * length
    expected = np.column_stack([*(FLOWERS.species == k for k in range(3)), product])
    np.testing.assert_allclose(design.inputs(frame), expected, atol=1e-12)
    np.testing.assert_allclose(design.response(frame), np.log(COLUMNS["Sepal.Length"]))


def test_later_rows_are_coded_like_the_training_examples(frame):
    design = Design("~ Species + scale(`Petal.Width`)", frame)
    few = {name: column[[0, 149]] for name, column in COLUMNS.items()}
    np.testing.assert_array_equal(design.inputs(few), design.inputs(frame)[[0, 149]])
    with warnings.catch_warnings(action="ignore"), pytest.raises(DataError, match="rose"):
        design.inputs({**few, "Species": ["setosa", "rose"]})


def test_all_frames_give_the_same_network(frame):
    network = NeuralNetwork("Species ~ .", data=frame, hidden=5, epochs=60).fit()
    by_arrays = NeuralNetwork(hidden=5, epochs=60).fit(FLOWERS.measurements, COLUMNS["Species"])
    np.testing.assert_allclose(
        network.predict_proba(), by_arrays.predict_proba(FLOWERS.measurements), atol=1e-12
    )
    assert network.score() == (network.predict() == COLUMNS["Species"]).mean() > 0.95
    np.testing.assert_array_equal(network.predict(FRAMES["polars"]), network.predict())


def test_formula_without_intercept_has_no_bias():
    network = NeuralNetwork("Species ~ . - 1", data=COLUMNS, standardize=False, epochs=1).fit()
    assert network.model_[0].bias is None
    assert network.model_[2].bias is not None


def test_formula_works_in_cross_validation():
    frame = FRAMES["pandas"]
    scores = cross_val_score(NeuralNetwork("Species ~ .", epochs=100), frame, frame["Species"], cv=5)
    assert scores.min() > 0.9


def test_y_replaces_the_left_side():
    shuffled = np.random.default_rng(0).permutation(COLUMNS["Species"])
    network = NeuralNetwork("Species ~ .", epochs=100).fit(COLUMNS, shuffled)
    assert network.score(COLUMNS, shuffled) < 0.6
    one_sided = NeuralNetwork("~ `Petal.Width`", epochs=50).fit(COLUMNS, COLUMNS["Species"])
    assert one_sided.score(COLUMNS, COLUMNS["Species"]) > 0.9


def test_ordered_levels_keep_their_order():
    backwards = polars.Enum(FLOWERS.species_names[::-1])
    frame = polars.DataFrame(COLUMNS).cast({"Species": backwards})
    assert Design("~ Species", frame).names == ["Intercept", "Species[T.versicolor]", "Species[T.setosa]"]


def test_regression_of_one_and_of_two_columns(frame):
    one = NeuralNetwork("`Petal.Width` ~ .", data=frame, task="regression").fit()
    assert one.score() > 0.9
    two = NeuralNetwork("`Sepal.Length` + `Sepal.Width` ~ Species", data=frame, task="regression").fit()
    assert two.predict().shape == (150, 2)
    means = [FLOWERS.measurements[FLOWERS.species == k, :2].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(two.predict()[::50], means, atol=0.15)


def test_experiment_reads_its_formula():
    matrix, species = flowers.design_matrix()
    np.testing.assert_array_equal(matrix, np.column_stack([np.ones(150), FLOWERS.measurements]))
    np.testing.assert_array_equal(species, FLOWERS.species)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("Species ~ Petal", "on the columns Sepal.Length, .*`Petal` is not present"),
        ("Species ~ (", "matching context"),
        ("Species ~ np.sin(`Petal.Width`) + known", "`known` is not present"),
        ("Species ~ 1", "has no input"),
        ("~ .", "no left side: pass y"),
        ("`Sepal.Length` ~ .", "For numbers write task='regression'"),
        ("C(Species) ~ .", r"the response has shape \(150, 3\): expected one label per row"),
        ("Species ~ I(`Petal.Width`^2)", r"write \*\* in I"),
        ("Species ~ `Petal.Width` | `Petal.Length`", "a single part on each side"),
        (("Species", "`Petal.Width`"), "expected text with one ~"),
    ],
)
def test_unusable_formulas_are_refused(formula, message):
    with pytest.raises(DataError, match=message) as caught:
        NeuralNetwork(formula, data=COLUMNS).fit()
    assert "\x1b" not in str(caught.value)


def test_missing_values_are_named_by_column():
    gap = FRAMES["pandas"].copy()
    gap.loc[3, "Petal.Width"] = np.nan
    with pytest.raises(DataError, match=r"Petal\.Width.*null"):
        NeuralNetwork("Species ~ .", data=gap).fit()
    network = NeuralNetwork("Species ~ .", data=COLUMNS, epochs=1).fit()
    with pytest.raises(DataError, match=r"Petal\.Width.*null"):
        network.predict(gap)
    with pytest.raises(DataError, match=r"Petal\.Width"):
        network.predict(gap.drop(columns="Petal.Width"))
    with pytest.raises(DataError, match="data frame"):
        network.predict(FLOWERS.measurements)
    with pytest.raises(DataError, match="there are no examples: pass X"):
        NeuralNetwork("Species ~ .").fit()
    with pytest.raises(DataError, match="y has 20 values: expected 150"):
        NeuralNetwork("~ .").fit(COLUMNS, COLUMNS["Species"][:20])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Petal.Width": np.full(150, np.inf)}, r"log\(`Petal\.Width`\) of the formula .* is inf in row 0"),
        ({"Petal.Width": np.zeros(150)}, r"log\(`Petal\.Width`\) of the formula .* is -inf in row 0"),
        ({"Petal.Length": pandas.date_range("2020-01-01", periods=150)}, "Petal.Length holds dates"),
    ],
)
def test_non_finite_inputs_are_named(changed, message):
    formula = "Species ~ log(`Petal.Width`) + `Petal.Length`"
    frame = pandas.DataFrame({**COLUMNS, **changed})
    with pytest.raises(DataError, match=message):
        NeuralNetwork(formula, data=frame).fit()
    if "holds dates" not in message:
        network = NeuralNetwork(formula, data=COLUMNS, epochs=1).fit()
        with pytest.raises(DataError, match=message):
            network.predict(frame)


def test_column_of_another_kind_is_refused():
    frame = FRAMES["pandas"]
    design = Design("~ Species + `Petal.Width`", frame)
    with pytest.raises(DataError, match=r"Species has numbers: expected categories, as when .* was read"):
        design.inputs(frame.assign(Species=1.0))
    with pytest.raises(DataError, match=r"Petal\.Width has categories: expected numbers"):
        design.inputs(frame.astype({"Petal.Width": str}))
    np.testing.assert_array_equal(
        design.inputs(frame.astype({"Petal.Width": "float32"}))[0, 3], np.float32(0.2)
    )


@pytest.mark.parametrize("name", ["1", "Intercept"])
def test_column_with_the_intercepts_name_is_refused(name):
    with pytest.raises(DataError, match=f"rename the column {name}"):
        Design("Species ~ .", {**COLUMNS, name: np.arange(150)})


def test_power_and_caret_in_text_are_read():
    frame = pandas.DataFrame({"n": [1, 2, 3], "name": ["ab", "ba", "aa"]})
    inputs = Design("~ I(n**2) + name.str.match('^a')", frame).inputs(frame)
    np.testing.assert_array_equal(inputs[:, 1:], [[1, 1], [4, 0], [9, 1]])


@pytest.mark.parametrize("missing", [None, np.nan, pandas.NA])
def test_missing_response_is_named_by_its_row(missing):
    species = COLUMNS["Species"].astype(object)
    species[3] = missing
    frame = pandas.DataFrame({**COLUMNS, "Species": species})
    with pytest.raises(DataError, match="Species is missing in row 3"):
        NeuralNetwork("Species ~ .", data=frame).fit()
    with pytest.raises(DataError, match="y is missing in row 3"):
        NeuralNetwork("~ `Petal.Width`", data=frame).fit(y=species)


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        ("Species", "classification", "y is 'Species': expected a value for each row"),
        (np.eye(3)[FLOWERS.species], "classification", r"\(150, 3\): expected one label per row"),
        (np.array([1, "a", 2.5] * 50, object), "classification", "labels of one kind"),
        (np.ones((150, 2, 2)), "regression", r"the response has shape \(150, 2, 2\)"),
    ],
)
def test_unusable_responses_are_refused(y, task, message):
    with pytest.raises(DataError, match=message):
        NeuralNetwork("~ `Petal.Width`", data=COLUMNS, task=task).fit(y=y)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_frame_without_rows_is_refused(task):
    with pytest.raises(DataError, match="no rows"):
        NeuralNetwork("`Petal.Width` ~ Species", data=FRAMES["pandas"][:0], task=task).fit()


def test_unnamed_lazy_and_ragged_frames_are_refused():
    plain, lazy = FRAMES["pandas"], FRAMES["polars"].lazy()
    for unnamed in (pandas.concat([plain, plain], axis=1), pandas.DataFrame(FLOWERS.measurements)):
        with pytest.raises(DataError, match="names that are text and unique"):
            NeuralNetwork("~ .").fit(unnamed, COLUMNS["Species"])
    with pytest.raises(DataError, match=r"LazyFrame.*write data\.collect\(\)"):
        NeuralNetwork("Species ~ .", data=lazy).fit()
    assert repr(NeuralNetwork("Species ~ .", data=lazy)) == "NeuralNetwork('Species ~ .', data=LazyFrame)"
    with pytest.raises(DataError, match="give each name a list"):
        NeuralNetwork("Species ~ .", data=COLUMNS, epochs=1).fit().predict({"Petal.Width": 1.0})


@pytest.mark.parametrize(("missing", "extra"), [("sklearn", "estimator"), ("formulaic", "formula")])
def test_missing_extra_is_named(missing, extra, tmp_path):
    code = f"""
import sys
sys.modules[{missing!r}] = None
from tinygrad_mnist.cli import main
sys.argv = ["tinygrad-mnist", "reproduce", "iris", "--output", sys.argv[1]]
main()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"pip install -e '.[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


NUMBERS = {
    "objects": lambda column: column.astype(object),
    "Decimal": lambda column: column.map(lambda value: Decimal(str(value))),
    "nullable": lambda column: column.astype("Float64"),
    "whole numbers as objects": lambda column: (column * 10).round().astype(int).astype(object),
    "nullable whole numbers": lambda column: (column * 10).round().astype("Int64"),
}


@pytest.mark.parametrize("as_numbers", NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_any_kind_are_numbers(as_numbers):
    columns = pandas.DataFrame(COLUMNS)
    frame = columns.copy()
    for name in load_iris().measurement_names:
        frame[name] = as_numbers(frame[name])
    design = Design("Species ~ .", frame)
    assert design.names == Design("Species ~ .", columns).names
    assert design.inputs(frame).dtype == np.float64
    settings = {"hidden": 0, "epochs": 3, "task": "regression"}
    found = NeuralNetwork("`Petal.Width` ~ `Sepal.Width`", frame, **settings).fit().loss_
    assert found == pytest.approx(
        NeuralNetwork("`Petal.Width` ~ `Sepal.Width`", columns, **settings).fit().loss_
    )


@pytest.mark.parametrize("names", [["a", "1.5", "b"], ["1", "2", "c"], [True, False, True]])
def test_names_of_groups_remain_categories(names):
    frame = {"y": [1.0, 2.0, 3.0], "group": np.array(names, object)}
    assert len(Design("y ~ group", frame).names) == len(set(names))


@pytest.mark.parametrize(
    "formula", ["y ~ np.log(Sepal.Length)", "y ~ log(Sepal.Length)", "log(Sepal.Length) ~ y"]
)
def test_name_that_needs_backticks_is_named(formula):
    frame = {"Sepal.Length": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 4.0]}
    with pytest.raises(DataError, match=r"Sepal\.Length is not a Python name: expected it in backticks"):
        NeuralNetwork(formula, frame, task="regression", epochs=1).fit()
    right = formula.replace("Sepal.Length", "`Sepal.Length`")
    NeuralNetwork(right, frame, task="regression", epochs=1).fit()


TEXTS = {
    "decimals": (["1.5", "2.5", "4.0"], True),
    "whole numbers": (["1", "2", "10"], True),
    "exponents": (["1e3", "-2", " 3 "], True),
    "one word among them": (["1.5", "2.5", "many"], False),
    "words": (["a", "b", "c"], False),
}


@pytest.mark.parametrize(("texts", "numeric"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("dtype", [object, "category"])
def test_text_of_only_numbers_causes_a_warning(texts, numeric, dtype):
    frame = pandas.DataFrame({"y": range(9), "a": pandas.Series(texts * 3, dtype=dtype)})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(Design("y ~ a", frame).names) == 3
    assert bool(caught) is (numeric and dtype is object)
    for warning in caught:
        assert warning.filename == __file__
        assert str(warning.message) == (
            "a holds numbers as text, which become 2 indicator columns: write data['a'].astype(float) for "
            "numbers, or .astype('category') for categories"
        )
