# the list begins with the inputs
def order(output):
    found = []

    def visit(value):
        if value not in found:
            for x in value.inputs:
                visit(x)
            found.append(value)

    visit(output)
    return found
