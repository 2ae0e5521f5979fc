"""What ARNs of the local service are made of."""

# If nobody says otherwise.
DEFAULT_REGION = "us-west-2"
DEFAULT_ACCOUNT_ID = "123456789012"
