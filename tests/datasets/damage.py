"""Digits as people's pictures show them: each function makes a picture from ink of 0 to 1 and a generator."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import minimum_filter


def page(ink, rng, *, size=140, canvas=220, paper=0.95, pen=0.1):
    """Grey values of a square page with the digit somewhere on it."""
    paper_and_pen = np.full((canvas, canvas), paper, np.float32)
    large = Image.fromarray(ink.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC)
    top, left = rng.integers(0, canvas - size + 1, 2)
    spot = paper_and_pen[top : top + size, left : left + size]
    spot += (pen - paper) * np.asarray(large).clip(0, 1)
    return paper_and_pen


def picture(grey):
    return Image.fromarray((grey.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def light(grey, rng, darkest=0.4):
    """From one side, from any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = (np.linspace(-1, 1, side) for side in grey.shape)
    slope = np.add.outer(np.sin(angle) * rows, np.cos(angle) * columns)
    return darkest + (1 - darkest) * (slope - slope.min()) / np.ptp(slope)


def vignette(grey, rng, darkest=0.4):
    row, column = rng.uniform(-0.4, 0.4, 2)
    rows, columns = (np.linspace(-1, 1, side) for side in grey.shape)
    distance = np.add.outer((rows - row) ** 2, (columns - column) ** 2)
    return 1 - (1 - darkest) * distance / distance.max()


def framed(grey, rng, width=(3, 20), inset=0):
    width, value = int(rng.integers(*width)), rng.uniform(0, 0.3)
    drawn = picture(grey)
    box = (inset, inset, grey.shape[1] - 1 - inset, grey.shape[0] - 1 - inset)
    ImageDraw.Draw(drawn).rectangle(box, outline=int(255 * value), width=width)
    return drawn


def ruled(grey, rng, slope=0.0, value=(0.1, 0.6), across=False):
    step, width = rng.uniform(28, 60), rng.integers(1, 4)
    rows, columns = np.indices(grey.shape)
    position = columns if across else rows + slope * columns
    on_line = (position + rng.uniform(0, step)) % step < width
    return np.where(on_line, np.minimum(grey, rng.uniform(*value)), grey)


def specks(grey, rng, count):
    """Round specks on the paper, away from the ink."""
    drawn = picture(grey)
    draw = ImageDraw.Draw(drawn)
    free = np.argwhere(minimum_filter(grey, 21, mode="nearest") >= 0.5)  # no ink within ten pixels
    for row, column in free[rng.integers(0, len(free), count)]:
        radius = rng.uniform(1.5, 6)
        draw.ellipse([column - radius, row - radius, column + radius, row + radius], fill=20)
    return drawn


def pen(ink, rng, pixels):
    """A pen that is wider or narrower by a share of the data set's pixel."""
    size = 200
    large = picture(1 - page(ink, rng, size=size, canvas=260, paper=1, pen=0))
    blurred = np.asarray(large.filter(ImageFilter.GaussianBlur(size / len(ink) * 0.3)), np.float32) / 255
    return picture(1 - 1 / (1 + np.exp(-20 * (blurred - 0.45 + pixels))))


def jpeg(drawn, quality):
    file = io.BytesIO()
    drawn.save(file, "JPEG", quality=quality)
    return Image.open(file)


def turned(ink, rng):
    grey = page(ink, rng, size=140, canvas=240)
    return picture(grey).rotate(rng.uniform(-10, 10), Image.Resampling.BICUBIC, fillcolor=242)


def coloured(ink, rng):
    share = 1 - page(ink, rng, paper=1, pen=0)[..., None]
    paper, ink_colour = rng.uniform(0.7, 1, 3), rng.uniform(0, 0.4, 3)
    return Image.fromarray(((paper + (ink_colour - paper) * share) * 255).astype(np.uint8))


def transparent(ink, rng):
    share = 1 - page(ink, rng, paper=1, pen=0)
    layers = np.full((*share.shape, 4), rng.choice([0, 255]), np.uint8)
    layers[..., 3] = share * 255
    return Image.fromarray(layers)


def cut_out(ink, side):
    """The ink's box, fitted into a square of the given side."""
    rows, columns = (np.flatnonzero((ink > 0.1).any(axis=axis)) for axis in (1, 0))
    box = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32))
    scale = side / max(box.size)
    box = box.resize([max(1, round(length * scale)) for length in box.size], Image.Resampling.BICUBIC)
    return np.asarray(box).clip(0, 1)


def filled(ink, rng):
    """The network's own size, with ink to the edges."""
    box, square = cut_out(ink, len(ink)), np.ones_like(ink)
    top, left = (len(ink) - box.shape[0]) // 2, (len(ink) - box.shape[1]) // 2
    square[top : top + box.shape[0], left : left + box.shape[1]] -= box
    return picture(square)


def in_a_corner(ink, rng):
    """The network's own size, with ink in a corner (8 pixels have no room for one: there it is centred)."""
    box, square = cut_out(ink, round(len(ink) * 20 / 28) if len(ink) > 8 else 8), np.ones_like(ink)
    top, left = (int(rng.choice([0, len(ink) - side])) for side in box.shape)
    if len(ink) <= 8:
        left = (8 - box.shape[1]) // 2
    square[top : top + box.shape[0], left : left + box.shape[1]] -= box
    return picture(square * 0.95)


def on_a_desk(ink, rng):
    """A sheet on a darker desk, slightly turned, with noise."""
    sheet = picture(page(ink, rng, size=200, canvas=300, paper=0.86))
    angle, desk = rng.uniform(-6, 6), Image.new("L", (420, 420), int(rng.integers(60, 80)))
    cover = Image.new("L", sheet.size, 255).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    sheet = sheet.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    desk.paste(sheet, ((420 - sheet.width) // 2, (420 - sheet.height) // 2), cover)
    return picture(np.asarray(desk, np.float32) / 255 + rng.normal(0, 0.02, (420, 420)))


def photograph(ink, rng):
    """Turned, ruled, specked, unevenly lit, noisy, compressed."""
    drawn = picture(page(ink, rng, size=130, canvas=240, paper=0.9, pen=0.15))
    drawn = drawn.rotate(rng.uniform(-5, 5), Image.Resampling.BICUBIC, fillcolor=230)
    grey = np.asarray(drawn, np.float32) / 255
    grey = np.asarray(specks(ruled(grey, rng, value=(0.4, 0.6)), rng, 2), np.float32) / 255
    return jpeg(picture(grey * light(grey, rng, 0.6) + rng.normal(0, 0.03, grey.shape)), 70)


def on_page(change, **options):
    """A damage that works on the grey values of a page."""

    def damaged(ink, rng):
        changed = change(page(ink, rng, **options), rng)
        return picture(changed) if isinstance(changed, np.ndarray) else changed

    return damaged


DAMAGES = {
    "as_saved": lambda ink, rng: picture(page(ink, rng, size=160, canvas=160, paper=1, pen=0)),
    "bright_ink": on_page(lambda grey, rng: 1 - grey),
    "faint": lambda ink, rng: picture(page(ink, rng, paper=(p := rng.uniform(0.3, 1)), pen=p - 0.2)),
    "small": on_page(lambda grey, rng: grey, size=50, canvas=500),
    "colours": coloured,
    "transparent": transparent,
    "light": on_page(lambda grey, rng: grey * light(grey, rng)),
    "vignette": on_page(lambda grey, rng: grey * vignette(grey, rng)),
    "noise": on_page(lambda grey, rng: grey + rng.normal(0, 0.08, grey.shape)),
    "jpeg": on_page(lambda grey, rng: jpeg(picture(grey), 15)),
    "turned": turned,
    "thin_pen": lambda ink, rng: pen(ink, rng, -0.12),
    "thick_pen": lambda ink, rng: pen(ink, rng, 0.12),
    "dark_frame": on_page(framed, size=130, canvas=240),
    "drawn_frame": on_page(lambda grey, rng: framed(grey, rng, (1, 5), 6), size=120, canvas=250),
    "ruled": on_page(ruled),
    "ruled_slantwise": on_page(lambda grey, rng: ruled(grey, rng, slope=rng.uniform(-0.1, 0.1))),
    "squared": on_page(
        lambda grey, rng: ruled(ruled(grey, rng, 0.0, (0.5, 0.7)), rng, 0.0, (0.5, 0.7), across=True)
    ),
    "one_speck": on_page(lambda grey, rng: specks(grey, rng, 1)),
    "specks": on_page(lambda grey, rng: specks(grey, rng, 6)),
    "own_size_grey": lambda ink, rng: picture(0.8 - 0.7 * ink),
    "own_size_filled": filled,
    "own_size_corner": in_a_corner,
    "own_size_light": lambda ink, rng: picture((1 - ink) * light(ink, rng, 0.6)),
    "on_a_desk": on_a_desk,
    "photograph": photograph,
}
