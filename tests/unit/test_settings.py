import json
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pulumi
import pytest

import settings
from components import service_settings
from components.image import Promoted
from components.keys import ed25519_public
from settings import values, variables
from settings.problems import ConfigurationError
from settings.warnings import warnings
from stack.secrets import ssh_key
from tests.unit.conftest import Program, Recording
from tests.unit.examples import HOST_KEY, LOGIN_KEY, SCHEMA, SIGNING_KEY, configuration

Up = Callable[[Program], Recording]


def parse(**changes: str | None) -> settings.Settings:
    return settings.parse(configuration(**changes), schema=SCHEMA, encrypted=lambda _: True)


def refusal(**changes: str | None) -> str:
    """Return the message about a configuration, without its line breaks."""
    with pytest.raises(ConfigurationError) as caught:
        parse(**changes)
    return unwrapped(caught.value)


def unwrapped(error: object) -> str:
    return " ".join(str(error).split())


def test_a_key_that_is_not_set_has_the_default_of_the_schema() -> None:
    assert parse().vcn_cidr == "10.0.0.0/16"
    assert parse().allowed_http_cidrs == ("0.0.0.0/0",)
    assert parse().protect is True


def test_a_wrong_value_is_refused_once() -> None:
    assert refusal(maintenance="maybe").startswith("1 problem ")


def test_a_promoted_image_has_a_digest_a_revision_and_an_origin() -> None:
    digest = f"sha256:{'a' * 64}"
    promoted = parse(imageDigest=digest, imageRevision="abcdef0", imageOrigin="r1").promoted

    assert parse().promoted is None
    assert promoted == Promoted(digest=digest, revision="abcdef0", origin="r1")


@pytest.mark.parametrize(
    ("present", "value", "missing"),
    [
        ("imageDigest", f"sha256:{'a' * 64}", "imageRevision"),
        ("imageRevision", "abcdef0", "imageDigest"),
        ("imageOrigin", "r12 of dev", "imageDigest"),
    ],
)
def test_a_part_of_a_promotion_is_refused_without_the_other(
    present: str, value: str, missing: str
) -> None:
    message = refusal(**{present: value})

    assert f"auth:{present} is set, and auth:{missing} is not" in message
    assert f"pulumi config rm auth:{present}" in message


@pytest.mark.parametrize(
    ("shape", "platform"),
    [
        ("VM.Standard.A1.Flex", "linux/arm64"),
        ("VM.Standard.A2.Flex", "linux/arm64"),
        ("VM.Standard.E2.1.Micro", "linux/amd64"),
        ("VM.Standard.E4.Flex", "linux/amd64"),
    ],
)
def test_the_image_is_built_for_the_architecture_of_the_shape(shape: str, platform: str) -> None:
    assert parse(shape=shape).machine.platform == platform


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("compartmentOcid", "acme", "must be an OCID"),
        ("imageOcid", "ubuntu", "must be an OCID"),
        ("availabilityDomainIndex", "3", "whole number from 0 to 2"),
        ("faultDomain", "FAULT-DOMAIN-4", "must look like FAULT-DOMAIN-1"),
        ("ocpus", "two", "whole number from 1 to 80"),
        ("ocpus", "-1", "whole number"),
        ("ocpus", "²", "whole number"),
        ("bootVolumeInGbs", "49", "from 50 to 32768"),
        ("vcnCidr", "10.0.0.0", "must be an IPv4 block"),
        ("vcnCidr", "10.0.0.1/16", "without host bits"),
        ("vcnCidr", "10.0.0.0/8", "prefix from /16 to /30"),
        ("vcnCidr", "198.18.0.0/16", "must not overlap 198.18.0.0/20, the block of the containers"),
        ("subnetCidr", "10.1.0.0/24", "must lie inside auth:vcnCidr"),
        ("allowedSshCidrs", "198.51.100.7", "must be a list"),
        ("allowedSshCidrs", "[]", "is not set"),
        ("allowedSshCidrs", '["198.51.100.300/32"]', "must be an IPv4 block"),
        ("allowedHttpCidrs", '{"a": 1}', "must be a list"),
        ("shape", "A1", "must look like VM.Standard.A1.Flex"),
        ("ubuntuVersion", "noble", "must look like 24.04"),
        ("imageDigest", "latest", "must look like sha256:0000"),
        ("imageDigest", f"sha256:{'A' * 64}", "must look like sha256:0000"),
        ("imageRevision", "main", "must look like 0123456789ab"),
        ("imageOrigin", "a\nb", "must look like r12 of dev"),
        ("imageRepository", "auth-service", "must begin with the registry's server"),
        ("imageRepository", "acme/auth-service", "must begin with the registry's server"),
        ("imageRepository", "docker.io/acme/auth-service", "in another registry than Docker Hub"),
        ("imageRepository", "ghcr.io/Acme/auth", "must be in lower case"),
        ("imageRepository", "ghcr.io/acme/auth:latest", "without a tag"),
        ("imageRepository", "ghcr.io/acme//auth", "must be REGISTRY/PATH"),
        ("domain", "https://auth.example.com/", "must look like auth.example.com"),
        ("acmeDirectory", "http://ca.test/", "must look like https://HOST/PATH"),
        ("acmeDirectory", "https://ca.test/ {", "must look like https://HOST/PATH"),
        ("acmeRoots", "not a certificate", "must be certificates in PEM"),
        ("environment", "prod", "must be production or development"),
        ("protect", "yes", "must be true or false"),
        ("rebootWindow", "Sun 03:00", "must be a day, or daily, with a time from and to in UTC"),
        ("rebootWindow", "Sun 05:00-03:00 UTC", "must be a day, or daily"),
        ("rebootWindow", "Sun 03:00-24:00 UTC", "must be a day, or daily"),
        ("rebootWindow", "Sun 03:00-0\u0665:00 UTC", "must be a day, or daily"),
    ],
)
def test_a_malformed_value_is_refused_with_key_value_rule_and_remedy(
    key: str, value: str, rule: str
) -> None:
    message = refusal(**{key: value})

    assert f"auth:{key}" in message
    assert rule in message
    assert "pulumi config set" in message


@pytest.mark.parametrize(
    "key",
    [
        *("compartmentOcid", "allowedSshCidrs", "sshHostKey", "signingKey"),
        *("registryPassword", "registryPullPassword"),
    ],
)
def test_a_missing_key_is_named_with_its_purpose(key: str) -> None:
    message = refusal(**{key: None})

    assert f"auth:{key} is not set. It is the {SCHEMA[key]['description']}" in message


def test_a_missing_secret_is_to_be_set_as_a_secret() -> None:
    assert "pulumi config set --secret auth:signingKey < FILE" in refusal(signingKey=None)


@pytest.mark.parametrize("key", SCHEMA)
def test_the_engine_leaves_every_refusal_to_this_program(key: str) -> None:
    # it would stop at the first missing, malformed or plain value, and name no remedy
    assert "default" in SCHEMA[key]
    assert not {"type", "items", "secret"} & {*SCHEMA[key]}


@pytest.mark.parametrize("window", ["", "Sun 03:00-05:00 UTC", "daily 00:00-23:59 UTC"])
def test_a_window_for_reboots_has_a_day_or_each_day_or_is_none(window: str) -> None:
    assert parse(rebootWindow=window).reboot_window == window


def test_a_server_that_could_push_is_refused() -> None:
    message = refusal(registryPassword="a-token", registryPullPassword="a-token")

    assert "auth:registryPullPassword is the same as auth:registryPassword" in message
    assert "a-token" not in message


@pytest.mark.parametrize(("own", "username"), [("", "acme"), ("robot", "robot")])
def test_the_server_logs_in_as_the_builder_unless_it_has_a_name_of_its_own(
    own: str, username: str
) -> None:
    registry = parse(registryPullUsername=own).registry

    assert (registry.push.username, registry.pull.username) == ("acme", username)


def test_every_problem_is_reported_at_once() -> None:
    message = refusal(vcnCidr="x", ocpus="x", domain="x y")

    assert message.startswith("3 problems")


def test_an_unknown_key_is_refused_with_a_similar_key() -> None:
    assert "Did you mean auth:subnetCidr?" in refusal(subnetCidrs="10.0.1.0/24")


def test_keys_of_other_namespaces_are_ignored() -> None:
    settings.parse(
        {**configuration(), "aws:region": "eu-west-1"}, schema=SCHEMA, encrypted=lambda _: True
    )


def test_a_stack_that_builds_no_image_needs_no_password_that_can_push() -> None:
    image = {"imageDigest": f"sha256:{'0' * 64}", "imageRevision": "0123456789ab"}

    assert parse(registryPassword="", **image).promoted
    assert "auth:registryPassword" in refusal(registryPassword="")


def test_ssh_is_not_opened_to_the_world_by_accident() -> None:
    assert "allowSshFromAnywhere" in refusal(allowedSshCidrs='["0.0.0.0/0"]')


@pytest.mark.parametrize(
    ("stack", "ssh", "init"),
    [
        ("dev", "pulumi config set --stack dev auth:allow", "Let `make init STACK=dev` make it"),
        ("local", "pulumi config set auth:allow", "Let `make init` make it"),
    ],
)
def test_the_remedies_of_a_stack_name_it(
    monkeypatch: pytest.MonkeyPatch, stack: str, ssh: str, init: str
) -> None:
    values = configuration(allowedSshCidrs='["0.0.0.0/0"]', signingKey="")
    pulumi.runtime.set_all_config(values, [])
    monkeypatch.setattr(pulumi, "get_stack", lambda: stack)
    try:
        with pytest.raises(ConfigurationError) as refused:
            settings.load()
    finally:
        pulumi.runtime.set_all_config({})

    assert ssh in unwrapped(refused.value)
    assert init in unwrapped(refused.value)


def test_ssh_is_opened_to_the_world_on_request() -> None:
    opened = parse(allowedSshCidrs='["0.0.0.0/0"]', allowSshFromAnywhere="true")

    assert opened.allowed_ssh_cidrs == ("0.0.0.0/0",)


@pytest.mark.parametrize("region", ["", "madrid", "EU-MADRID-1"])
def test_a_malformed_region_is_refused(region: str) -> None:
    with pytest.raises(ConfigurationError, match="oci:region"):
        settings.parse(
            {**configuration(), "oci:region": region}, schema=SCHEMA, encrypted=lambda _: True
        )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sshPrivateKey", "hunter2"),
        ("sshHostKey", SIGNING_KEY),
        ("signingKey", HOST_KEY),
        ("signingKey", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"),
    ],
)
def test_a_key_of_the_wrong_kind_is_refused_without_showing_it(key: str, value: str) -> None:
    message = refusal(**{key: value})

    assert f"auth:{key} must be" in message
    assert value not in message
    assert "hunter2" not in message


def test_the_public_half_of_a_key_is_derived() -> None:
    assert parse().host_key.public.startswith("ssh-ed25519 AAAA")


def test_a_key_ends_in_a_newline_though_the_cli_drops_it(up: Up) -> None:
    keys: list[str] = []
    up(lambda: parse(sshHostKey=HOST_KEY.strip()).host_key.private.apply(keys.append))

    assert keys == [HOST_KEY], "sshd refuses a key file without a newline at its end"


def warned(**changes: str) -> list[str]:
    checked = parse(**changes)
    return warnings(
        checked.machine,
        machines=checked.cluster.nodes if checked.cluster else 1,
        environment=checked.environment,
        endpoint=checked.endpoint,
        has_backup=checked.has_backup,
        alert_emails=checked.alert_emails,
        has_metrics=bool(checked.metrics_key.user),
        allowed_http_cidrs=checked.allowed_http_cidrs,
    )


def test_more_than_always_free_is_pointed_out() -> None:
    assert warned(domain="auth.test") == []
    assert warned(domain="auth.test", ocpus="2", memoryInGbs="12") == []
    (warning,) = warned(domain="auth.test", memoryInGbs="24")
    assert "(2 OCPUs and 12 GB of A1 in all): this VM will cost money" in warning


def test_logins_that_travel_unencrypted_are_pointed_out_in_production_alone() -> None:
    assert "travel unencrypted" in warned(allowPlainHttp="true")[0]
    assert warned(allowPlainHttp="true", environment="development") == []
    assert warned() == [], "HTTPS on the address is no risk"


def test_a_production_stack_without_a_backup_is_pointed_out() -> None:
    assert "lost with it" in warned(domain="auth.test", backupBucket="")[0]
    assert warned(environment="development", backupBucket="") == []
    server = {"database": "postgresql", "databaseUrl": "postgresql://auth:pass@db.test/auth"}
    assert warned(domain="auth.test", backupBucket="", **server) == [], "it has its own copies"


def test_a_production_stack_without_an_address_for_alarms_is_pointed_out() -> None:
    assert "nobody is mailed" in warned(domain="auth.test", alertEmails="[]", monthlyBudget="0")[0]
    assert warned(environment="development", alertEmails="[]", monthlyBudget="0") == []


def test_a_ca_that_the_network_keeps_out_is_pointed_out() -> None:
    closed = {
        "allowedHttpCidrs": '["198.51.100.0/24"]',
        "alertEmails": "[]",
        "monthlyBudget": "0",
    }
    inside = {**closed, "environment": "development", "acmeDirectory": "https://ca.test/directory"}

    assert "gives no certificate" in warned(environment="development", **closed)[0]
    assert warned(**inside) == []


def test_a_monitor_that_the_network_keeps_out_is_pointed_out() -> None:
    closed = '["198.51.100.0/24"]'
    assert "asks from the internet" in warned(domain="auth.test", allowedHttpCidrs=closed)[0]
    assert (
        warned(domain="auth.test", allowedHttpCidrs=closed, alertEmails="[]", monthlyBudget="0")
        != []
    )


@pytest.mark.parametrize(
    "address", ["oncall", "a b@example.com", "a@b", "", "a@example.com,b@c.de"]
)
def test_an_address_that_is_no_e_mail_address_is_refused_by_name(address: str) -> None:
    text = refusal(alertEmails=json.dumps(["first@example.com", address]))
    assert "must be an e-mail address" in text
    assert "first@example.com" not in text


@pytest.mark.parametrize(
    ("emails", "rule"),
    [("oncall@example.com", "must be a list"), ('["a@b.de", "a@b.de"]', "a@b.de twice")],
)
def test_addresses_are_a_list_without_repetition(emails: str, rule: str) -> None:
    assert rule in refusal(alertEmails=emails)


@pytest.mark.parametrize("key", ["metricsUserOcid", "metricsPrivateKey"])
def test_a_user_and_a_key_for_metrics_need_each_other(key: str) -> None:
    assert f"auth:{key} is not set" in refusal(**{key: ""})


@pytest.mark.parametrize(
    ("value", "reason"),
    [("no key", "can't be read"), (SIGNING_KEY, "a key of another kind")],
    ids=["no key", "a key of another kind"],
)
def test_a_key_for_metrics_that_is_none_of_oracles_is_refused_without_its_text(
    value: str, reason: str
) -> None:
    text = refusal(metricsPrivateKey=value)
    assert "auth:metricsPrivateKey must be an RSA private key in PEM" in text
    assert reason in text
    assert value.splitlines()[-1] not in text


def test_an_endpoint_for_metrics_that_is_no_url_is_refused() -> None:
    assert "auth:metricsEndpoint is" in refusal(metricsEndpoint="telemetry")


@pytest.mark.parametrize(
    "ocid", ["a-log", "ocid1.loggroup.oc1.eu-madrid-1.aaaa", "ocid1.log.oc1.eu-madrid-1."]
)
def test_an_ocid_that_is_not_of_a_log_is_refused(ocid: str) -> None:
    text = refusal(logOcid=ocid)
    assert f"auth:logOcid is {ocid!r}" in text
    assert "the OCID of a custom log, not of its log group" in text
    assert "pulumi config set auth:logOcid" in text


def test_a_log_without_a_user_who_posts_is_refused() -> None:
    text = refusal(metricsUserOcid="", metricsPrivateKey="")
    assert "auth:logOcid is set, and auth:metricsUserOcid is not" in text
    assert "pulumi config set auth:metricsUserOcid OCID" in text


def test_an_endpoint_for_the_log_that_is_no_url_is_refused() -> None:
    assert "auth:logEndpoint is 'ingestion'; it must be the URL" in refusal(logEndpoint="ingestion")


@pytest.mark.parametrize("image", ["victoria-metrics", "ghcr.io/acme/victoria-metrics:v1.151.0"])
def test_an_image_of_the_metrics_store_without_a_digest_is_refused(image: str) -> None:
    assert "auth:dashboardImage is" in refusal(dashboardImage=image)


def test_a_production_stack_whose_metrics_nobody_posts_is_pointed_out() -> None:
    nobody = {"metricsUserOcid": "", "metricsPrivateKey": "", "logOcid": ""}
    assert "no alarm is on errors" in warned(domain="auth.test", **nobody)[0]


@pytest.mark.parametrize("amount", ["-1", "1.5", "20 EUR", "1000000001", "NaN"])
def test_a_budget_that_is_no_whole_number_is_refused(amount: str) -> None:
    text = refusal(monthlyBudget=amount)
    assert f"auth:monthlyBudget is '{amount}'; it must be a whole number" in text


def test_a_budget_without_an_address_is_refused() -> None:
    text = refusal(monthlyBudget="20", alertEmails="[]")
    assert "auth:monthlyBudget is 20, and auth:alertEmails is empty" in text
    parse(monthlyBudget="0", alertEmails="[]")


def test_an_interrupted_rotation_is_refused_with_the_command_that_finishes_it() -> None:
    message = refusal(nextSshHostKey=HOST_KEY)

    assert "auth:nextSshHostKey is set" in message
    assert "make rotate KEY=host" in message


ANN = {"name": "ann", "key": f"{ed25519_public(ssh_key())} ann@laptop", "role": "admin"}


def test_operators_are_read_with_their_keys_and_without_comments() -> None:
    (ann,) = parse(operators=json.dumps([ANN])).operators

    assert (ann.name, ann.role) == ("ann", "admin")
    assert f"{ann.public} ann@laptop" == ANN["key"]
    assert parse().operators == ()


@pytest.mark.parametrize(
    ("operators", "rule"),
    [
        ("ann", "must be a list of objects"),
        (["ann"], "must be a list of objects"),
        ([{**ANN, "mail": "x"}], "has 'mail'"),
        ([{**ANN, "name": "Ann Lee"}], "must have a name"),
        ([{**ANN, "name": "deployment"}], "must have a name"),
        ([{**ANN, "role": "owner"}], "it must be admin or release"),
        ([{**ANN, "key": "hunter2"}], "must have a public SSH key"),
        ([{**ANN, "key": ssh_key()}], "must have a public SSH key"),
        ([{**ANN, "key": f'command="sh" {ANN["key"]}'}], "must have a public SSH key"),
        ([ANN, ANN], "has the name 'ann' twice"),
        ([ANN, {**ANN, "name": "bob"}], "the key of ann is also the key of another"),
        ([{**ANN, "key": ed25519_public(LOGIN_KEY)}], "of another operator, or of deployments"),
    ],
)
def test_an_operator_that_the_server_would_refuse_is_refused(operators: object, rule: str) -> None:
    assert rule in refusal(operators=json.dumps(operators))


@pytest.mark.parametrize("key", ["backupEndpoint", "backupAccessKey", "backupSecretKey"])
def test_a_bucket_for_copies_needs_its_endpoint_and_its_key(key: str) -> None:
    assert f"auth:{key} is not set" in refusal(**{key: ""})
    parse(backupBucket="", **{key: ""})


def test_an_account_for_drills_needs_its_password() -> None:
    assert "auth:drillPassword is not set" in refusal(drillPassword="")
    assert "must look like drill@example.com" in refusal(drillEmail="drill")
    parse(drillEmail="", drillPassword="")


@pytest.mark.parametrize("endpoint", ["objectstorage", "https://a.test/?x=1", "s3://bucket"])
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    assert "must be the URL of an S3-compatible API" in refusal(backupEndpoint=endpoint)


def test_no_secret_is_in_the_representation_of_the_settings() -> None:
    shown = repr(parse())

    assert "a-token" not in shown
    assert "PRIVATE KEY" not in shown


def test_variables_of_the_service_are_texts_or_json() -> None:
    variables = (
        '{"AUTH_CLIENTS": [{"client_id": "a"}], "AUTH_SMTP_HOST": "mail.test", "AUTH_X": true}'
    )

    assert parse(serviceSettings=variables).service_settings == {
        "AUTH_CLIENTS": '[{"client_id": "a"}]',
        "AUTH_SMTP_HOST": "mail.test",
        "AUTH_X": "true",
    }


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("hunter2", "it must be an object, from names to values"),
        ('["hunter2"]', "it must be an object"),
    ],
)
def test_variables_of_another_kind_are_refused_and_not_shown(value: str, rule: str) -> None:
    message = refusal(serviceSecrets=value)

    assert f"auth:serviceSecrets: {rule}" in message
    assert "pulumi config set --secret --path auth:serviceSecrets.NAME < FILE" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ('{"PATH": "hunter2"}', "PATH is not a variable of the service; names start with AUTH_"),
        ('{"AUTH_PORT": "hunter2"}', "AUTH_PORT is set by this program"),
        ('{"AUTH_ISSUER": "hunter2"}', "AUTH_ISSUER is set by this program"),
        ('{"AUTH_SIGNING_KEY_FILE": "hunter2"}', "AUTH_SIGNING_KEY_FILE is set by this program"),
    ],
)
def test_wrong_variables_are_refused_by_name_and_not_shown(value: str, rule: str) -> None:
    message = refusal(serviceSecrets=value)

    assert f"auth:serviceSecrets: {rule}" in message
    name = rule.partition(" ")[0]
    assert f"pulumi config rm --path auth:serviceSecrets.{name}\n" in f"{message}\n"
    assert "hunter2" not in message


def test_the_removal_of_a_strange_name_is_quoted_for_the_shell() -> None:
    message = refusal(serviceSettings='{"a; id": "x"}')

    assert """pulumi config rm --path 'auth:serviceSettings["a; id"]'""" in message


def test_each_password_and_each_key_is_a_secret_but_for_the_name_of_one() -> None:
    named = {key for key in SCHEMA if key.endswith(("Password", "Key"))} | {"databaseUrl"}

    assert named - {"backupAccessKey"} == set(values.SECRETS)


@pytest.mark.parametrize("key", ["serviceSecrets", *values.SECRETS])
def test_a_secret_that_is_not_encrypted_is_refused(key: str) -> None:
    configured = configuration(
        serviceSecrets='{"AUTH_SMTP_PASSWORD": "hunter2"}',
        nextSshHostKey=HOST_KEY,
        databaseUrl="postgresql://auth:hunter2@db.test/auth",
        databasePassword="aA1-hunter2-hunter2",
        certificateKey="hunter2",
        acmeAccountKey="hunter2",
    )

    with pytest.raises(ConfigurationError) as caught:
        settings.parse(configured, schema=SCHEMA, encrypted=lambda name: name != f"auth:{key}")

    assert f"auth:{key} is not encrypted" in str(caught.value)
    assert configured[f"auth:{key}"] not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("encrypted", [True, False])
def test_the_api_key_of_oracle_must_be_encrypted(*, encrypted: bool) -> None:
    configured = {**configuration(), "oci:privateKey": "-----BEGIN PRIVATE KEY-----\nhunter2"}

    if encrypted:
        settings.parse(configured, schema=SCHEMA, encrypted=lambda _: True)
        return
    with pytest.raises(ConfigurationError) as caught:
        settings.parse(configured, schema=SCHEMA, encrypted=lambda key: key != "oci:privateKey")

    assert "oci:privateKey is not encrypted" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ['"postgresql://auth:hunter2@db.test/auth"', '[{"uri": "https://:hunter2@app.test"}]']
)
def test_a_url_with_a_password_is_refused_in_plain_settings(value: str) -> None:
    message = refusal(serviceSettings=f'{{"AUTH_ANY": {value}}}')

    assert "AUTH_ANY holds a URL with a password" in message
    assert "--secret --path auth:serviceSecrets.AUTH_ANY" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "value", ["postgresql://auth@db.test:5432/auth", "https://app.test/a:b@c", "Auth <a@b.test>"]
)
def test_a_url_without_a_password_is_a_plain_setting(value: str) -> None:
    assert parse(serviceSettings=f'{{"AUTH_ANY": "{value}"}}').service_settings["AUTH_ANY"] == value


def refusal_of_service(changes: dict[str, str], *, secret: Collection[str] = ()) -> str:
    """Return the message about the service's variables, without its line breaks; "" if accepted."""
    known = {"AUTH_ISSUER": "http://192.0.2.1", "AUTH_SIGNING_KEY": SIGNING_KEY, **changes}
    problems = variables.refused_by_service(known, secret=secret)
    return unwrapped("\n".join(map(str, problems)))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"AUTH_ACCES_TOKEN_SECONDS": "60"},
            "is not a setting of the service. Did you mean AUTH_ACCESS_TOKEN_SECONDS?",
        ),
        ({"AUTH_SMTP_HOSTS_FILE": "/data/x"}, "Did you mean AUTH_SMTP_HOST?"),
        (
            {"AUTH_ACCESS_TOKEN_SECONDS": "86400"},
            "auth:serviceSettings: AUTH_ACCESS_TOKEN_SECONDS must be a whole number from 30 to 900",
        ),
        ({"AUTH_CLIENTS": '[{"client_id": "a"}]'}, "AUTH_CLIENTS[0].name: Field required"),
        ({"AUTH_SECRET_KEY": "hunter2"}, "auth:serviceSecrets: AUTH_SECRET_KEY is a placeholder"),
    ],
)
def test_the_services_own_rules_are_checked_before_a_release(
    changes: dict[str, str], problem: str
) -> None:
    message = refusal_of_service(changes, secret={"AUTH_SECRET_KEY"})

    assert problem in message
    assert "hunter2" not in message


def test_a_wrong_value_is_answered_with_its_own_name_and_an_unknown_name_with_its_removal() -> None:
    message = refusal_of_service({"AUTH_LOCKOUT_AFTER": "many", "AUTH_ACCES_TOKEN": "60"})

    assert "pulumi config set --path auth:serviceSettings.AUTH_LOCKOUT_AFTER VALUE" in message
    assert "pulumi config rm --path auth:serviceSettings.AUTH_ACCES_TOKEN" in message
    assert "NAME" not in message


@pytest.mark.parametrize("name", ["AUTH_SMTP_PASSWORD", "AUTH_SECRET_KEY"])
def test_a_secret_of_the_service_is_refused_in_plain_settings(name: str) -> None:
    changes = {
        "AUTH_SMTP_USERNAME": "ada",
        "AUTH_SMTP_PASSWORD": "hunter2-and-more",
        "AUTH_SECRET_KEY": "hunter2-" * 5,
    }
    others = {"AUTH_SMTP_PASSWORD", "AUTH_SECRET_KEY"} - {name}

    message = refusal_of_service(changes, secret=others)

    assert f"auth:serviceSettings: {name} is a secret of the service" in message
    assert f"--secret --path auth:serviceSecrets.{name} < FILE" in message
    assert "AUTH_SIGNING_KEY" not in message, "the program sets it itself, as a secret"
    assert "hunter2" not in message
    assert not refusal_of_service(changes, secret=others | {name})


@pytest.mark.parametrize("name", ["AUTH_ISUER", "AUTH_ISSUER_URL"])
def test_no_variable_is_suggested_that_the_program_sets_itself(name: str) -> None:
    message = refusal_of_service({name: "https://auth.test"})

    assert f"{name} is not a setting of the service. AUTH_ISSUER is set by this program." in message
    assert "Did you mean" not in message


def test_problems_of_the_program_and_of_the_service_are_reported_in_one_round() -> None:
    message = refusal(ocpus="two", signingKey="x", serviceSettings='{"AUTH_LOCKOUT_AFTER": "many"}')

    assert message.startswith("3 problems")
    assert "auth:ocpus is 'two'" in message
    assert "AUTH_LOCKOUT_AFTER must be" in message


def test_the_lines_of_a_refusal_fit_into_a_terminal_but_for_commands() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings.parse({"auth:ocpuz": "x"}, schema=SCHEMA, encrypted=lambda _: True)

    lines = str(caught.value).splitlines()
    assert len(lines) > 20
    assert [line for line in lines if len(line) > 76 and "pulumi config" not in line] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"AUTH_SMTP_USERNAME": "ada", "AUTH_SMTP_PASSWORD_FILE": "/data/password"},
        {"AUTH_ACCESS_TOKEN_SECONDS_FILE": "/data/seconds"},
        {
            "AUTH_CLIENTS": '[{"client_id": "a", "name": "A", "secret_file": "/data/secret",'
            ' "redirect_uris": ["https://a.test/"]}]'
        },
    ],
)
def test_the_content_of_a_file_in_the_container_is_not_judged(changes: dict[str, str]) -> None:
    assert not refusal_of_service(changes)


def test_the_services_variables_wait_for_its_own_check(up: Up) -> None:
    good, bad = {"AUTH_LOCKOUT_AFTER": "7"}, {"AUTH_LOCKOUT_AFTER": "many"}
    checked: list[object] = []

    def program(changes: dict[str, str]) -> None:
        whole = settings.checked_by_service(parse(serviceSettings=json.dumps(changes)))
        pulumi.Output.all(**whole.service_settings).apply(checked.append)

    up(lambda: program(good))
    assert checked == [good]
    with pytest.raises(ConfigurationError, match="AUTH_LOCKOUT_AFTER must be"):
        up(lambda: program(bad))
    assert checked == [good]


def test_sources_of_the_service_that_do_not_load_are_named_with_their_line(
    up: Up, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "service" / "auth"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('\nraise RuntimeError("broken on purpose")\n')
    for name in [name for name in sys.modules if name.partition(".")[0] == "auth"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(service_settings, "SERVICE", package.parent)
    monkeypatch.setattr(sys, "path", [str(package.parent), *sys.path])
    whole = parse(serviceSettings='{"AUTH_LOCKOUT_AFTER": "7"}')

    with pytest.raises(pulumi.RunError) as caught:
        up(lambda: settings.checked_by_service(whole) and None)

    assert str(caught.value) == (
        "The service's sources can't be imported: RuntimeError: broken on purpose "
        "(service/auth/__init__.py, line 2)"
    )


def test_a_variable_is_plain_or_secret_and_not_both() -> None:
    both = '{"AUTH_SMTP_HOST": "hunter2"}'

    message = refusal(serviceSettings=both, serviceSecrets=both)

    assert "auth:serviceSecrets: AUTH_SMTP_HOST is in auth:serviceSettings as well" in message
