"""One call of `boto3` to an upstream of the tests, by the credential that its own
chain finds in the variables: for the requests that it makes on the way. Run with
the upstream's address and, if one is to be used, a profile."""

import sys

import boto3
import botocore.config

url, *profile = sys.argv[1:]
session = boto3.Session(profile_name=profile[0] if profile else None)
once = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=10)
client = session.client("bedrock-runtime", endpoint_url=url, config=once)
said = [{"role": "user", "content": [{"text": "Hi"}]}]
answer = client.converse(modelId="m", messages=said)
assert answer["output"]["message"]["role"] == "assistant", answer
