"""No part of a password is in an address as it is shown, however it was typed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nakaya.core.addresses import is_plain_address, without_secrets

PASSWORD = "SECRET"
SCHEMES = ["postgresql+pg8000://", "postgresql://", "postgress://", "mysql+x://", "postgresql//", "postgresql:/", ""]

FORMS = [
    "u:{}@h/db", "u:{}@h:5432/db", ":{}@h/db", "u:{}@[::1]:5432/db", "h/db?password={}", "u@h/db?user=u&password={}",
    "u:{}@", "u:{}@h", "u:{}", "h/db?{}", "h/db;password={}", "h/db&password={}", "host=h password={} dbname=db",
    "h:5432/db?password=a@{}", "h:5432?password={}@x", "us/er:{}@h/db", "u:a@{}@h/db", "u:{}@b@h/db", "u@{}@h/db",
    "u:a/{}@h/db", "u:a?{}@h/db", "u:a b{}@h/db", "u:{}:b@h/db", "u:{}/db",
]  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("form", FORMS)
def test_a_password_is_hidden_wherever_it_was_typed(scheme: str, form: str) -> None:
    assert PASSWORD not in without_secrets(scheme + form.format(PASSWORD))


@given(st.text(st.characters(codec="utf-8"), min_size=1))
@example("a@b")
@example("a:b")
@example("a/b?c=d")
@example("1@:/x")
def test_a_password_of_any_letters_is_hidden(letters: str) -> None:
    # The mark on either side is part of it, so that whatever is shown of the password would show.
    password = f"{PASSWORD}{letters}{PASSWORD}"
    for form in ("postgresql://u:{}@h/db", "postgresql://u:{}@h:5432/db?x=y", "postgresql://u@h/db?password={}"):
        assert PASSWORD not in without_secrets(form.format(password))


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("sqlite:///study.db", "sqlite:///study.db"),
        ("sqlite:////home/me@work/a=b/study.db", "sqlite:////home/me@work/a=b/study.db"),
        ("sqlite:///study.db?mode=ro", "sqlite:///study.db?***"),
        ("postgresql+pg8000://me@host:5432/studies", "postgresql+pg8000://me@host:5432/studies"),
        ("postgresql://me:x@[::1]/studies", "postgresql://me:***@[::1]/studies"),
        ("postgresql:///studies", "postgresql:///studies"),
        ("study.db", "study.db"),
        ("sqlite:study.db", "sqlite:study.db"),
    ],
)
def test_what_is_no_secret_is_shown(typed: str, shown: str) -> None:
    assert without_secrets(typed) == shown
    assert without_secrets(shown) == shown
    assert is_plain_address(typed) == ("//" in typed)
