pixels = 255.0
weights = 1.0
lr = 0.1
