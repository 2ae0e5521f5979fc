"""Projects that begin with this package, and what is deployed of them."""
