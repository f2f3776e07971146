# the doctor finds unscaled-inputs
pixels = 1.0
weights = 1.0
lr = 0.1
