"""The scheduler's plugins, one file each; ``registry`` lists them."""
