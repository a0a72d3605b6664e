"""What lesson 04, large batches, asks: one file per exercise."""
