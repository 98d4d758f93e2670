"""Signatures of AWS (version 4) on requests, by botocore, which the extra `aws` brings.

https://docs.aws.amazon.com/opensearch-service/latest/developerguide/request-signing.html
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx

from exfilwatch.errors import AuthError, ConfigError

_SIGNED = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-SHA256")


class SigV4(httpx.Auth):
    """Signs with the credentials that the AWS tools would use: variables, profile, instance role.

    Raises ConfigError where botocore is missing.
    """

    requires_request_body = True

    def __init__(self, region: str, service: str) -> None:
        try:
            from botocore.auth import SigV4Auth
            from botocore.awsrequest import AWSRequest
            from botocore.session import Session
        except ImportError:
            raise ConfigError("aws_region needs the extra aws: pip install 'exfilwatch[aws]'") from None
        self._credentials: Callable[[], Any] = Session().get_credentials
        self._request, self._auth = AWSRequest, SigV4Auth
        self._service, self._region = service, region

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign. Credentials may have to be fetched, from a file or over the network."""
        await request.aread()
        await asyncio.to_thread(self._sign, request)
        yield request

    def _sign(self, request: httpx.Request) -> None:
        credentials = self._credentials()
        if credentials is None:
            raise AuthError("no AWS credentials found: set AWS_PROFILE, or give the instance a role")
        # The host is part of what is signed; other headers may be changed on the way.
        signed = self._request(
            method=request.method,
            url=str(request.url),
            data=request.content,
            headers={"Host": request.headers["Host"]},
        )
        self._auth(credentials.get_frozen_credentials(), self._service, self._region).add_auth(signed)
        for name in _SIGNED:
            if name in signed.headers:
                request.headers[name] = signed.headers[name]
