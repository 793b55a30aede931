"""Lists as a kind of asset: values to allow or to refuse, as guards look them up."""
