# the doctor finds weights-too-large
pixels = 255.0
weights = 40.0
lr = 0.1
