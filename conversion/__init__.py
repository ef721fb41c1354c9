"""The converter: Keras files in, PyTorch models out."""
