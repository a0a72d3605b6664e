"""What lesson 07, post-training quantization, asks: one file per exercise."""
