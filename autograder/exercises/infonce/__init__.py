"""What lesson 01, InfoNCE, asks: one file per exercise."""
