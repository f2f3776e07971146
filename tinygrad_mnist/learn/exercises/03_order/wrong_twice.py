# for y = a * b + a: a stands in the list 2 times
def order(output):
    found = [output]
    for value in found:
        found.extend(value.inputs)
    return found
