"""What lesson 08, quantization-aware training, asks: one file per exercise."""
