"""A grid search over processes and over a cluster: scikit-learn's own way, without code of this package."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from tinygrad_mnist.estimator import NeuralNetwork

pytestmark = pytest.mark.long
joblib = pytest.importorskip("joblib")
GRID = {"hidden": [4, 8], "random_state": [0, 1]}


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    workers = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with workers, distributed.Client(workers) as client:
        yield client


def search():
    data = load_iris()
    found = GridSearchCV(NeuralNetwork(epochs=5), GRID, cv=3)
    return found.fit(data.data.astype(np.float32), data.target)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_a_grid_search_over_workers_finds_what_one_process_finds(backend, request):
    if backend == "dask":
        request.getfixturevalue("cluster")
    alone = search()
    with joblib.parallel_config(backend, n_jobs=2):
        together = search()
    np.testing.assert_array_equal(
        together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert together.best_params_ == alone.best_params_
