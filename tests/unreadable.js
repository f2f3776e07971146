// Texts with less than 4.5 times the light of their ground (WCAG 2.2, 1.4.3), and what no scrolling brings into sight.
() => {
  const channels = text => {
    const found = text.match(/[\d.]+/g).map(Number);
    return found.length < 4 ? [...found, 1] : found;
  };
  const over = (above, below) => [0, 1, 2].map(i => above[i] * above[3] + below[i] * (1 - above[3]));
  const linear = value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = colour => {
    const [red, green, blue] = colour.map(value => linear(value / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [more, less] = [light(one), light(other)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const paper = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  const ancestors = element => (element ? [element, ...ancestors(element.parentElement)] : []);
  const isScrolled = element =>
    ancestors(element).some(e => e !== document.documentElement && /auto|scroll/.test(getComputedStyle(e).overflowX));
  const fillingOf = shape => {
    const { fill, opacity } = getComputedStyle(shape);
    const [red, green, blue, alpha] = channels(fill);
    return [red, green, blue, alpha * opacity];
  };
  const layersOf = element => {
    const shapes = element.matches(".node, .grad") ? [...element.querySelectorAll("rect")].reverse() : [];
    const filled = shapes.filter(shape => shape.getClientRects().length && getComputedStyle(shape).fill !== "none");
    return [...filled.map(fillingOf), channels(getComputedStyle(element).backgroundColor)];
  };
  const groundOf = element => ancestors(element).flatMap(layersOf).reduceRight((below, layer) => over(layer, below), paper);

  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const element = text.parentElement;
    const words = text.data.trim().slice(0, 40);
    if (!words || element.closest("script, style, title, :disabled") || !element.getClientRects().length) continue;
    const drawn = element.closest("svg");
    const ground = groundOf(element);
    const ink = over(channels(getComputedStyle(element)[drawn ? "fill" : "color"]), ground);
    if (contrast(ink, ground) < 4.5) found.push(`${words}: contrast ${contrast(ink, ground).toFixed(2)}`);
    const range = document.createRange();
    range.selectNodeContents(text);
    const right = range.getBoundingClientRect().right;
    if (!drawn && right > innerWidth + 1 && !isScrolled(element)) found.push(`${words}: ends at ${right}`);
  }
  const width = document.documentElement.scrollWidth;
  return width > innerWidth ? [...found, `the page is ${width} wide`] : found;
}
