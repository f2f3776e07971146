"""Ablations behind the recipe of the record: short trainings, measured on the 5,000 images held out."""

ABLATION_COLUMNS = ("recipe", "epochs", "errors of 5,000", "of averaged weights")
_WEAKER = "weaker: rotation 7.5, shear 0.1, scale 0.1, shift and elastic 1 pixel"
_STRONGER = "stronger: rotation 15, shear 0.2, scale 0.15, shift 2 and elastic 1.8 pixels"
ABLATIONS = (  # averaged by EMA with a decay of 0.999
    ("784-1000-500-10, Nesterov's momentum, rate 0.05, batches of 128", "8", "54", "59"),
    ("rate 0.1", "8", "57", "54"),
    ("rate 0.2", "8", "57", "58"),
    ("Adam, rate 0.001", "8", "55", "58"),
    ("labels smoothed by 0.1", "8", "59", "61"),
    (_WEAKER, "8", "48", "49"),
    (_STRONGER, "8", "75", "81"),
    ("distortions that fade in the last 2 epochs", "8", "44", "55"),
    ("784-800-10, rate 0.1", "8", "51", "58"),
    ("784-1200-1200-10, rate 0.1", "8", "48", "52"),
    ("rate 0.2, batches of 256, fading in the last 3 epochs", "14", "47", "–"),
    (f"the same, {_WEAKER}", "14", "44", "–"),
    ("the same, batch normalization", "14", "41", "–"),
    ("the same, batch normalization, labels smoothed by 0.1", "14", "41", "–"),
    ("the same, batch normalization, rate 0.5", "14", "34", "–"),
)
