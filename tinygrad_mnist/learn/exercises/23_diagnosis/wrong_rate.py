# the doctor finds learning-rate-too-high
pixels = 255.0
weights = 1.0
lr = 50.0
