# the doctor finds symmetric-weights
pixels = 255.0
weights = 0.0
lr = 0.1
