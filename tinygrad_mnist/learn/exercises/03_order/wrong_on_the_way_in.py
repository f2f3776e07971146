# for y = a * b + a: a comes before
def order(output):
    found = []

    def visit(value):
        if value not in found:
            found.append(value)
            for x in reversed(value.inputs):
                visit(x)

    visit(output)
    return found
