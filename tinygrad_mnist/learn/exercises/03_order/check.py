"""Look at the order of graphs in which a Value is used twice, at several depths."""

from tinygrad_mnist.learn import Finding, earlier, line_of


def check(work):
    Value = earlier("value").Value
    for words, build in [
        ("y = a * b", simple),
        ("y = a * b + a", twice),
        ("y = c * d + c with c = a * b", shared),
    ]:
        names = build(Value)
        found = call(work, names["y"])
        try:
            refuse(words, names, list(found))
        except Finding as finding:
            raise Finding(f"for {words}: {finding.sentence}", line_of(work.get("order"))) from None


def call(work, output):
    """Call `order` on the graph itself: a copy would have other Values."""
    found = work.get("order")(output)
    if found is ... or found is None or found == []:
        raise Finding(
            "`order` gives nothing yet: return a list of Values", line_of(work.get("order")), open=True
        )
    if not isinstance(found, list | tuple):
        raise Finding(
            f"`order` gives a {type(found).__name__}: it should be a list", line_of(work.get("order"))
        )
    return found


def simple(Value):
    a, b = Value(2.0), Value(3.0)
    return {"a": a, "b": b, "y": a * b}


def twice(Value):
    a, b = Value(2.0), Value(3.0)
    c = a * b
    return {"a": a, "b": b, "a * b": c, "y": c + a}


def shared(Value):
    a, b, d = Value(2.0), Value(3.0), Value(4.0)
    c = a * b
    e = c * d
    return {"a": a, "b": b, "c": c, "d": d, "c * d": e, "y": e + c}


def refuse(words, names, found):
    of = {id(value): name for name, value in names.items()}
    said = [of.get(id(value), "something else") for value in found]
    for name in names:
        if said.count(name) > 1:
            raise Finding(f"{name} stands in the list {said.count(name)} times: it should be visited once")
        if name not in said:
            raise Finding(f"{name} is not in the list: its gradient would never be sent on")
    if len(found) != len(names):
        raise Finding(f"the list has {len(found)} things, and the graph {len(names)} Values")
    places = {name: place for place, name in enumerate(said)}
    wrong = [
        (name, of[id(x)])
        for name, value in names.items()
        for x in value.inputs
        if places[of[id(x)]] < places[name]
    ]
    if wrong and said[-1] == "y":
        raise Finding(
            "the list begins with the inputs: turn it round, the output is the first that has a gradient"
        )
    if wrong:
        result, x = wrong[-1]
        raise Finding(f"{x} comes before {result}, which is made from it: its gradient would not be complete")
