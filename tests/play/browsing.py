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
