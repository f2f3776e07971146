# every path is walked by itself
def backward(output, g=1.0):
    output.grad += g
    for x, slope in zip(output.inputs, output.slopes):
        backward(x, g * slope)
