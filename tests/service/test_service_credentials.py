"""Credentials that other AWS services hand out: botocore calls them before the first checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiobotocore.session import get_session
from recording_service import Answer, RecordingService
from service_calls import checkpoint, opened

from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python._service.loader import LeanLoader


def assumed(action: str, number: int) -> Answer:
    """STS's answer: credentials that are about to expire, so that each call asks for new ones."""
    expiration = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
        f"<Credentials><AccessKeyId>AKIAROLE{number}</AccessKeyId>"
        "<SecretAccessKey>secret</SecretAccessKey>"
        f"<SessionToken>token-{number}</SessionToken><Expiration>{expiration}</Expiration>"
        f"</Credentials></{action}Result></{action}Response>"
    )
    return Answer(text.encode(), headers={"Content-Type": "text/xml"})


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingService]:
    server = RecordingService()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
    yield server
    server.close()


async def test_web_identity(
    service: RecordingService,
    sts: RecordingService,
    client_class: type[AioBoto3Client],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A role for a token from a file, as in containers: its credentials sign, and are renewed."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "token").write_text("web-token", encoding="utf-8")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/orders")
    sts.answer(*(assumed("AssumeRoleWithWebIdentity", number) for number in range(9)))
    async with opened(client_class) as client:
        await checkpoint(client)
        await checkpoint(client)
    assert b"web-token" in sts.requests[0].body
    signatures = [request.headers["authorization"] for request in service.requests]
    assert all("Credential=AKIAROLE" in signature for signature in signatures)
    assert len({signature.split("/")[0] for signature in signatures}) == 2


async def test_role_of_a_profile(
    service: RecordingService,
    sts: RecordingService,
    client_class: type[AioBoto3Client],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A profile that assumes a role, as on a developer's machine."""
    (tmp_path / "config").write_text(
        "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = secret\n"
        "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/orders\n"
        "source_profile = base\n",
        encoding="utf-8",
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "role")
    sts.answer(*(assumed("AssumeRole", number) for number in range(9)))
    async with opened(client_class) as client:
        await checkpoint(client)
    assert "Credential=AKIABASE/" in sts.requests[0].headers["authorization"]
    assert "Credential=AKIAROLE" in service.requests[0].headers["authorization"]


@pytest.mark.parametrize("name", ["sts", "sso", "sso-oidc"])
@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1"])
async def test_same_endpoints_of_credential_services(name: str, region: str) -> None:
    """With less of botocore's data, the services that give credentials are where they are."""
    lean, full = get_session(), get_session()
    lean.register_component("data_loader", LeanLoader())
    found = []
    for session in (lean, full):
        async with session.create_client(name, region_name=region) as client:
            meta = client.meta
            found.append((meta.endpoint_url, meta.region_name, meta.service_model.signing_name))
    assert found[0] == found[1]
