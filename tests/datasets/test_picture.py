"""A digit is read the same in whatever picture it comes."""

import io
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.datasets.damage import DAMAGES
from tinygrad_mnist.datasets import ink, strokes, write_idx
from tinygrad_mnist.datasets.framing import Framing
from tinygrad_mnist.datasets.picture import read_pictures
from tinygrad_mnist.errors import DataError

SHAPE = (28, 28)


@pytest.fixture(scope="module", params=range(5))
def digit(request, mnist):
    return mnist.test.raw_images[request.param]


@pytest.fixture
def read(tmp_path):
    """Write a picture, read it as a network would."""

    def save_and_read(picture, **options):
        picture = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        picture.save(tmp_path / "digit.png")
        return read_pictures(tmp_path / "digit.png", SHAPE, **options)

    return save_and_read


SAME = {
    "as it is": lambda ink: ink,
    "dark on white": lambda ink: 255 - ink,
    "colour": lambda ink: np.stack([ink] * 3, axis=-1),
    "palette": lambda ink: Image.fromarray(255 - ink).convert("P"),
    "16 bits": lambda ink: ink.astype(np.uint16) * 257,
    "transparent": lambda ink: Image.fromarray(np.stack([np.zeros_like(ink)] * 3 + [ink], axis=-1)),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_a_picture_of_the_right_size_is_taken_as_it_is(digit, read, make):
    found = read(make(digit))
    assert (found.shape, found.dtype) == ((1, *SHAPE), np.float32)
    np.testing.assert_allclose(found[0], digit / 255, atol=0.006)


def large(ink):
    """320 x 400, off centre, smooth."""
    picture = np.asarray(Image.fromarray(ink).resize((200, 200), Image.Resampling.BICUBIC))
    return np.pad(picture, ((20, 100), (150, 50)))


LARGE = {
    "bright ink": large,
    "dark ink": lambda ink: 255 - large(ink),
    "faint ink": lambda ink: (255 - 0.3 * large(ink)).astype(np.uint8),
    "grey paper": lambda ink: (190 - 0.5 * large(ink)).astype(np.uint8),
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_large_picture_is_cut_scaled_and_centred_as_mnist_was(digit, read, make):
    found, expected = read(make(digit))[0], digit / 255
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9
    centre = [found.sum(axis) @ np.arange(28) / found.sum() for axis in (1, 0)]
    assert centre == pytest.approx([14, 14], abs=0.6)
    assert (found.min(), found.max() > 0.8) == (0, True)


def test_the_caller_may_say_which_is_the_ink(digit, read):
    as_told = read(digit, invert=True)
    np.testing.assert_allclose(as_told[0], 1 - digit / 255, atol=1e-6)
    np.testing.assert_allclose(read(255 - digit, invert=False), as_told, atol=1e-6)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_idx_file_holds_many_at_the_scale_of_its_data_set(mnist, digits, tmp_path, suffix):
    for split, shape in ((mnist.test, SHAPE), (digits.test, (8, 8))):
        path = tmp_path / f"t10k-images-idx3-ubyte{suffix}"
        write_idx(path, split.raw_images[:20])
        found = read_pictures(path, shape, pixel_max=split.pixel_max)
        expected, _ = next(iter(split.loader(20)))
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_idx_file_without_images_gives_none(tmp_path):
    write_idx(tmp_path / "empty.gz", np.zeros((0, *SHAPE), np.uint8))
    assert read_pictures(tmp_path / "empty.gz", SHAPE).shape == (0, *SHAPE)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((3, 8, 8), np.uint8),
            r"is uint8 of shape \(3, 8, 8\): expected images.* \(n, 28, 28\)",
        ),
        (np.zeros(3, np.uint8), r"is uint8 of shape \(3,\)"),
        (np.zeros((1, 28, 28), np.float32), r"is float32 of shape"),
        (np.full((1, 28, 28), 17, np.uint8), "holds a pixel of 17; the network takes 0 to 16"),
    ],
)
def test_an_idx_file_of_something_else_is_refused(tmp_path, array, message):
    write_idx(tmp_path / "images.gz", array)
    with pytest.raises(DataError, match=rf"images.gz:? {message}"):
        read_pictures(tmp_path / "images.gz", SHAPE, pixel_max=16)


@pytest.mark.parametrize("grey", [0, 100, 255])
def test_a_blank_picture_is_refused(read, grey):
    with pytest.raises(DataError, match=r"digit.png: there is no digit in it"):
        read(np.full((100, 80), grey, np.uint8))


def _noise(rng):
    return rng.normal(160, 60, (100, 80))


def _specks(rng):
    return np.where(rng.random((100, 80)) < 0.1, 20, 240)


def _clouds(rng):
    return np.asarray(Image.fromarray(_noise(rng)).resize((300, 300), Image.Resampling.BICUBIC))


def _ruled(rng):
    page = np.full((300, 240), 235)
    page[rng.integers(10, 30) :: rng.integers(20, 60)] = 120
    return page


def _squared(rng):
    page = _ruled(rng)
    page[:, rng.integers(10, 30) :: rng.integers(20, 60)] = 120
    return page


@pytest.mark.parametrize("make", [_noise, _specks, _clouds, _ruled, _squared])
def test_a_picture_without_strokes_is_refused(read, make):
    for seed in range(3):
        with pytest.raises(DataError, match=r"digit.png: there is no digit in it"):
            read(make(np.random.default_rng(seed)).clip(0, 255).astype(np.uint8))


NOISE = {
    "normal": lambda rng, shape: rng.normal(150, rng.uniform(10, 70), shape),
    "uniform": lambda rng, shape: rng.uniform(0, 255, shape),
    "salt": lambda rng, shape: 255 - (rng.random(shape) < rng.uniform(0.1, 0.4)) * rng.uniform(0, 255, shape),
}


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("which", ["mnist", "digits"])
def test_noise_of_the_networks_own_size_is_refused(which, kind, request, tmp_path):
    dataset, rng, refused = request.getfixturevalue(which), np.random.default_rng(0), 0
    framing = dataset.framing()
    for _ in range(50):
        pixels = NOISE[kind](rng, dataset.image_shape).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "digit.png")
        try:
            read_pictures(tmp_path / "digit.png", dataset.image_shape, framing)
        except DataError as error:
            refused += "no digit in it" in str(error)
    assert refused >= 49


@pytest.mark.parametrize("kind", ["thin_pen", "thick_pen"])
def test_a_digit_of_any_pen_has_the_darkness_of_its_data_set(digits, tmp_path, kind):
    framing, rng = digits.framing(), np.random.default_rng(0)
    low, _, high = framing.dark
    for image in digits.test.raw_images[:10]:
        DAMAGES[kind](image / 16, rng).save(tmp_path / "digit.png")
        found = read_pictures(tmp_path / "digit.png", (8, 8), framing)
        assert low - 0.03 <= (found > 0.5).mean() <= high + 0.03  # two of 64 pixels


def test_a_framing_of_an_earlier_run_leaves_the_darkness(digits):
    record = digits.framing().to_dict()
    assert Framing.from_dict(record, (8, 8)) == digits.framing()
    del record["dark"]
    assert Framing.from_dict(record, (8, 8)).dark == (0, 0.5, 1)


def test_a_threshold_lies_between_grey_and_the_lightest_white():
    for desk in (0.2, 0.5, 0.8):
        sheet = np.linspace(0.85, 0.87, 1000)
        grey = np.where(np.arange(1000) < desk * 1000, 0.25, sheet)
        assert 0.25 < ink._threshold(grey) < 0.85


def test_every_clean_8_x_8_digit_is_read(digits, tmp_path):
    framing = digits.framing()
    for image in digits.test.raw_images:
        Image.fromarray((255 - image.astype(float) * 255 / 16).astype(np.uint8)).save(tmp_path / "digit.png")
        assert read_pictures(tmp_path / "digit.png", (8, 8), framing).shape == (1, 8, 8)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 40), (40, 1), (2, 300), (300, 2), (1, 3000), (9, 9), (1200, 900)]
)
@pytest.mark.parametrize("make", [np.zeros, np.ones, lambda shape: np.random.default_rng(0).random(shape)])
def test_a_picture_of_any_shape_is_read_or_refused(read, make, shape):
    try:
        assert read((make(shape) * 255).astype(np.uint8)).shape == (1, *SHAPE)
    except DataError as error:
        assert "no digit in it" in str(error)  # noqa: PT017  (either is right)


@pytest.mark.parametrize("side", [4_100, 10_000, 20_000])  # above our limit, Pillow's warning, its error
def test_a_huge_picture_is_refused_unread(tmp_path, side):
    Image.new("1", (side, side)).save(tmp_path / "huge.png")
    with pytest.raises(DataError, match=r"huge.png: .*pixels"):  # and no warning: those are errors here
        read_pictures(tmp_path / "huge.png", SHAPE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "not a readable picture"),
        (b"hello" * 50, "not a readable picture"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, content, message):
    path = tmp_path / "digit.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"digit.png: {message}"):
        read_pictures(path, SHAPE)


def test_every_truncation_of_a_picture_is_refused(digit, tmp_path):
    path = tmp_path / "digit.png"
    Image.fromarray(digit).save(path)
    content = path.read_bytes()
    for length in [*range(0, len(content) - 40, 9), *range(len(content) - 40, len(content))]:
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"digit\.png"):
            read_pictures(path, SHAPE)
    path.write_bytes(content + b"\0")
    with pytest.raises(
        DataError, match=f"at offset {len(content) - 12}, found a file of {len(content) + 1} bytes"
    ):
        read_pictures(path, SHAPE)


@pytest.mark.parametrize("change", [1, 128, 255])
def test_every_changed_byte_of_a_picture_is_refused(small_png, tmp_path, change):
    path = tmp_path / "digit.png"
    for position in range(len(small_png)):
        content = bytearray(small_png)
        content[position] ^= change
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"digit\.png"):
            read_pictures(path, SHAPE)


@pytest.fixture(scope="module")
def small_png(digits):
    file = io.BytesIO()
    Image.fromarray(np.pad(digits.test.raw_images[0] * 15, 10)).save(file, "PNG")
    return file.getvalue()


def chunk(kind, content=b""):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width=30, height=30, bits=8, colours=0, packed=None, before=b"", after=b""):
    packed = zlib.compress(bytes(930)) if packed is None else packed
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", packed) + after + chunk(b"IEND")


FOREIGN = {
    "no width": (lambda: png(width=0), "not a readable picture"),
    "impossible size": (lambda: png(2**31 - 1, 2**31 - 1), r"4611686014132420609 pixels\) exceeds .*; scale"),
    "no such depth": (lambda: png(bits=7), "first bytes are damaged"),
    "no such filter": (lambda: png(packed=zlib.compress(b"\7" * 930)), "not a readable picture"),
    "a chunk of 2 GiB": (lambda: png(before=b"\x7f\xff\xff\xfftEXt"), "not a readable picture"),
    "a bomb as a note": (
        lambda: png(before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27)))),
        "too large",
    ),
    "an empty profile behind": (lambda: png(after=chunk(b"iCCP")), "not a readable picture"),
    "two pictures": (lambda: png(before=chunk(b"acTL", struct.pack(">II", 2, 0))), "an animation"),
    "an animation of nothing": (
        lambda: png(before=chunk(b"acTL", bytes(8))),
        "no digit in it",
    ),  # and no warning
    "a large note": (
        lambda: png(before=chunk(b"prVt", bytes(2**24))),
        "bytes are more than 30 x 30 pixels need",
    ),
    "empty chunks in a large picture": (
        lambda: png(2000, 2000, before=chunk(b"prVt") * 60_000),
        "more than 50000 reads",
    ),
    "empty segments of a JPEG": (lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 60_000, "more than 50000 reads"),
    "bytes that are not deflate": (lambda: png(packed=b"hello"), "not a readable picture"),
}


@pytest.mark.parametrize(("make", "message"), FOREIGN.values(), ids=FOREIGN)
def test_a_strange_picture_is_refused_in_little_memory(tmp_path, make, message):
    content = make()
    (tmp_path / "digit.png").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=rf"digit.png: .*{message}"):
            read_pictures(tmp_path / "digit.png", SHAPE)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(content) + 2**25
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("other", ["PNG", "JPEG", "BMP", "WEBP"])
def test_a_format_is_known_by_its_first_bytes(mnist, tmp_path, other):
    for name in ("digit.png", "digit.idx", "digit"):
        picture = Image.fromarray(255 - large(mnist.test.raw_images[0]))
        picture.save(tmp_path / name, other)
        found = read_pictures(tmp_path / name, SHAPE)[0]
        assert np.corrcoef(found.ravel(), mnist.test.raw_images[0].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("other", ["GIF", "TIFF", "PPM"])
def test_another_format_is_refused_whatever_its_name(digit, tmp_path, other):
    Image.fromarray(digit).save(tmp_path / "digit.png", other)
    with pytest.raises(DataError, match=r"digit.png: not a readable picture.*give a PNG, JPEG, WebP or BMP"):
        read_pictures(tmp_path / "digit.png", SHAPE)


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_an_idx_file_is_known_by_its_first_bytes(mnist, tmp_path, suffix):
    write_idx(tmp_path / f"images{suffix}", mnist.test.raw_images[:3])
    (tmp_path / f"images{suffix}").rename(tmp_path / "images.png")
    np.testing.assert_allclose(read_pictures(tmp_path / "images.png", SHAPE), mnist.test.raw_images[:3] / 255)


def test_a_picture_is_turned_as_its_camera_says(mnist, tmp_path):
    upright = Image.fromarray(255 - large(mnist.test.raw_images[0]))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    upright.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    upright.save(tmp_path / "upright.jpg", quality=95)
    turned, expected = (read_pictures(tmp_path / f"{name}.jpg", SHAPE) for name in ("turned", "upright"))
    np.testing.assert_allclose(turned, expected, atol=0.2)


@pytest.mark.parametrize("which", ["mnist", "digits"])
def test_a_picture_like_the_data_set_stays_untouched(which, request, tmp_path):
    dataset = request.getfixturevalue(which)
    framing = dataset.framing()
    for image in dataset.test.raw_images[:20]:
        pixels = (image.astype(np.float32) * 255 / dataset.test.pixel_max).astype(np.uint8)
        for version in (pixels, 255 - pixels):
            Image.fromarray(version).save(tmp_path / "digit.png")
            found = read_pictures(tmp_path / "digit.png", dataset.image_shape, framing)[0]
            np.testing.assert_allclose(found, pixels / np.float32(255), atol=1e-6)


def test_a_file_that_is_too_large_is_refused_unread(digit, tmp_path):
    path = tmp_path / "digit.png"
    Image.fromarray(digit).save(path)
    os.truncate(path, 2**30)
    with pytest.raises(DataError, match=r"1073741824 bytes are more than a digit needs"):
        read_pictures(path, SHAPE)


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path, message in ((tmp_path, "Is a directory"), (tmp_path / "pipe.png", "Not a regular file")):
        with pytest.raises(DataError, match=message):
            read_pictures(path, SHAPE)


@pytest.mark.parametrize("shape", [(2, 7), (7, 2), (3, 3), (10, 60), (60, 10), (17, 90)])
def test_a_frame_is_looked_for_in_pictures_of_any_shape(shape):
    noise = np.random.default_rng(0).random(shape) < 0.9
    noise[:: shape[0] - 1, :: shape[1] - 1] = True
    slope, widths = strokes.frame(noise)
    assert abs(slope) <= strokes.STEEPEST
    assert len(widths) == 4
