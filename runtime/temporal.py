"""The Temporal client: Temporal's standard `TEMPORAL_*` configuration, and Pydantic payloads."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfigProfile


async def connect() -> Client:
    """Connect as Temporal's own environment configuration says: address, namespace, TLS, API key."""
    config = ClientConfigProfile.load().to_client_connect_config()
    config.setdefault("target_host", "127.0.0.1:7233")
    return await Client.connect(**config, data_converter=pydantic_data_converter)
