"""What lesson 06, affine quantization, asks: one file per exercise."""
