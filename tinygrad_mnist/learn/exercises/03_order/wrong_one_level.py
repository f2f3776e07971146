# is not in the list
def order(output):
    return [output, *output.inputs]
