"""Policies: rules in Rego or CEL that say whether something may happen, and why not.

``model`` has what a policy and a decision are, ``apart`` evaluates one in a child process, and
``points`` are the places where a policy decides without a step. Whatever goes wrong is a refusal.
"""
