"""The policy, pure: values in, actions out."""
