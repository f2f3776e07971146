"""Waiting for a page whose policy forbids the driver's own way of doing so."""


def wait_for(tab, condition):
    """Wait until a condition in JavaScript holds and the page has shown it."""
    tab.evaluate(
        f"""async () => {{
          const begin = Date.now();
          while (!({condition}) || page.frame) {{
            if (Date.now() - begin > 60_000) throw new Error("it does not come to that");
            await new Promise((done) => setTimeout(done, 10));
          }}
        }}"""
    )


def drag(tab, selector, *places):
    """Draw a line through places, each as shares of the element's sides."""
    box = tab.locator(selector).bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    tab.mouse.move(*points[0])
    tab.mouse.down()
    for point in points[1:]:
        tab.mouse.move(*point, steps=6)
    tab.mouse.up()
