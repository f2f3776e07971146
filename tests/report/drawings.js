// Texts in the drawings of a page that cannot be read: those that are cut off, overlap, are smaller than 11 pixels, or have less
// than 4.5 times the light of what is drawn below them (WCAG 2.2, 1.4.3).
() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = colour => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data].map((value, i) => (i === 3 ? value / 255 : value));
  };
  const over = (above, below) => [0, 1, 2].map(i => above[i] * above[3] + below[i] * (1 - above[3]));
  const faded = element => {
    const style = getComputedStyle(element);
    const [red, green, blue, alpha] = channels(style.fill === "none" ? "transparent" : style.fill);
    return [red, green, blue, alpha * style.fillOpacity];
  };
  const linear = value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = colour => {
    const [red, green, blue] = colour.map(value => linear(value / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [more, less] = [light(one), light(other)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const isInside = (inner, outer, slack) =>
    inner.left >= outer.left - slack && inner.right <= outer.right + slack &&
    inner.top >= outer.top - slack && inner.bottom <= outer.bottom + slack;
  const meet = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const boxOf = element => { // numbers of its own: those of a DOMRect are read slowly, and each pair of texts is compared
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return { left, right, top, bottom };
  };
  const paper = channels(getComputedStyle(document.body).backgroundColor);

  const found = [];
  for (const panel of document.querySelectorAll(".drawing .panels > svg")) {
    const scale = panel.getBoundingClientRect().width / panel.viewBox.baseVal.width;
    const frame = panel.getBoundingClientRect();
    const shapes = [...panel.querySelectorAll("rect:not([mask])")].map(shape => [shape, boxOf(shape)]);
    const texts = [...panel.querySelectorAll("text")].map(text => [text, boxOf(text)]);
    texts.forEach(([text, box], place) => {
      const words = text.textContent;
      const size = parseFloat(getComputedStyle(text).fontSize) * scale;
      if (size < 10.995) found.push(`${words}: ${size.toFixed(2)} pixels`);
      if (!isInside(box, frame, 1.5)) found.push(`${words}: cut off`);
      for (const [other, otherBox] of texts.slice(place + 1))
        if (meet(box, otherBox)) found.push(`${words}: overlaps ${other.textContent}`);
      const below = shapes.filter(([shape, shapeBox]) =>
        isInside(box, shapeBox, 4) && shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING);
      const ground = below.reduce((colour, [shape]) => over(faded(shape), colour), paper);
      const ratio = contrast(over(faded(text), ground), ground);
      if (ratio < 4.5) found.push(`${words}: contrast ${ratio.toFixed(2)}`);
    });
  }
  return found;
}
