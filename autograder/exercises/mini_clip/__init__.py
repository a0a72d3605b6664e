"""What lesson 05, the mini-CLIP, asks: one file per exercise."""
