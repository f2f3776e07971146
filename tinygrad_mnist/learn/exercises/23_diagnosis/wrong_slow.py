# the doctor finds learning-rate-too-low
pixels = 255.0
weights = 1.0
lr = 1e-7
