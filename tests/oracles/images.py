"""Convolutions and pooling written as loops over the kernel, for frameworks that follow NumPy."""


def _pairs(*settings):
    return [setting if isinstance(setting, tuple) else (setting, setting) for setting in settings]


def _parts(module, x, kernel, stride, padding, dilation, border=0.0):
    """Yield each position in the kernel with the elements that the windows have there."""
    (p, q), (s, t), (d, e) = padding, stride, dilation
    wide = module.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), "constant", constant_values=border)
    high = (wide.shape[2] - d * (kernel[0] - 1) - 1) // s + 1
    width = (wide.shape[3] - e * (kernel[1] - 1) - 1) // t + 1
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            rows = slice(i * d, i * d + s * (high - 1) + 1, s)
            yield i, j, wide[:, :, rows, j * e : j * e + t * (width - 1) + 1 : t]


def functions(module):
    """Return conv2d, max_pool2d and avg_pool2d."""

    def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
        settings = _pairs(stride, padding, dilation)
        total = 0.0 if bias is None else bias[:, None, None]
        for i, j, part in _parts(module, x, weight.shape[2:], *settings):
            total = total + module.einsum("nchw,oc->nohw", part, weight[:, :, i, j])
        return total

    def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1):
        kernel, *settings = _pairs(kernel_size, stride or kernel_size, padding, dilation)
        found = None
        for _, _, part in _parts(module, x, kernel, *settings, border=-1e300):
            found = part if found is None else module.maximum(found, part)
        return found

    def avg_pool2d(x, kernel_size, stride=None, padding=0):
        kernel, *settings = _pairs(kernel_size, stride or kernel_size, padding)
        return sum(part for _, _, part in _parts(module, x, kernel, *settings, (1, 1))) / (
            kernel[0] * kernel[1]
        )

    return {"conv2d": conv2d, "max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}
