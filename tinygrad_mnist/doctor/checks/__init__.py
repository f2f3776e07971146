"""The checks of the doctor, by theme; `tinygrad_mnist.doctor.diagnose` runs them in stages."""

__all__: list[str] = []
