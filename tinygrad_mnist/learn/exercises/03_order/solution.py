def order(output):
    seen, found = set(), []

    def visit(value):
        if value not in seen:
            seen.add(value)
            for x in value.inputs:
                visit(x)
            found.append(value)

    visit(output)
    return found[::-1]
