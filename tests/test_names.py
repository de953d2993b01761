"""The keys by which names are compared."""

from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st
from precis_i18n import get_profile

from chatd.events import CommandError
from chatd.names import FORBIDDEN, parse_name

_profile = get_profile("UsernameCaseMapped")
_ascii = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=FORBIDDEN)


@given(st.text(_ascii, min_size=1, max_size=32).filter(lambda text: text[0] != "#"))
@example("Ala")
def test_the_key_of_an_ascii_name_is_the_profile_s(text):
    """Though the profile is not asked, to save its time."""
    assert parse_name(text) == (text, _profile.enforce(text))


@given(st.text(max_size=4))
@example("Żółw")
def test_the_key_of_any_name_is_the_profile_s(text):
    with suppress(CommandError):
        assert parse_name(text).key == _profile.enforce(text)
