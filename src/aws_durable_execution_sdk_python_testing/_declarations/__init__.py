"""Which functions there are: declared in files, templates and options, and loaded from them."""
