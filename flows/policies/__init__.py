"""Policies: rules that allow or refuse, in Rego or CEL. Plain Python."""
