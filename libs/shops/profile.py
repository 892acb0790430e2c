"""One shop is one TOML file: who it is, when it is open, how it talks, where its leads go."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from libs.errors import SettingsError
from libs.shops import checks
from libs.shops.schedule import Hours, Schedule, build_schedule

OneLine = Annotated[str, Meta(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]
E164 = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")]
Region = Annotated[str, Meta(pattern=r"^([A-Z]{2})?$")]
Colour = Annotated[str, Meta(pattern=r"^#[0-9a-fA-F]{6}$")]
RETIRED: Final = ("logo_text",)
"""Keys of an earlier release that nothing reads now: a profile with one of them still starts."""
CALL_SCRIPT_LINES = 3


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the chat shows before the first word, in one language."""

    greeting: OneLine
    placeholder: OneLine
    start_prompts: tuple[OneLine, ...] = ()


class Readiness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words (of any language) by which the rule without a model tells what is known."""

    need: tuple[str, ...]
    """What the customer wants done: `reupholster`, `tear`, `cotizar`."""
    item: tuple[str, ...]
    """What it is to be done to: `truck`, `seat`, `sofá`."""
    vague: tuple[str, ...] = ()
    """Those of `item` that leave open which one it is: of a `truck` or a `seat` the shop asks.
    None named: all of them do.
    """


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    messages_per_minute: Annotated[int, Meta(ge=1, le=1000)] = 10
    """For one hosted chat session."""
    recent_threads: Annotated[int, Meta(ge=1, le=1000)] = 20
    """Earlier chats a visitor may open again."""


class ShopProfile(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False, dict=True
):
    slug: Slug
    name: OneLine
    phone: E164
    """As customers call it."""
    address: OneLine
    timezone: str
    hours: Hours
    holidays: tuple[str, ...] = ()
    """`2026-11-26`, or `12-25` for every year: closed all day."""
    special_days: Mapping[str, tuple[str, ...]] = {}
    """Other hours on one day."""
    recipients: Annotated[tuple[OneLine, ...], Meta(min_length=1, max_length=20)]
    """Who gets the lead; nothing else ever decides that."""
    sender: OneLine
    """`Name <address>` of the From header."""
    origins: Annotated[tuple[OneLine, ...], Meta(min_length=1)]
    default: bool = False
    """The shop of a request whose origin names none; exactly one where there are several."""
    region: Region = ""
    """Where a phone without a country code is; the country of `phone` when empty."""
    other_phones: tuple[E164, ...] = ()
    """More numbers of the shop's own: a customer who repeats one has not told us theirs."""
    email_domains: tuple[OneLine, ...] = ()
    """The shop's own, likewise, with all that is below them; never a provider's."""
    assistant: OneLine = "Roxana"
    instructions: str
    languages: Annotated[tuple[str, ...], Meta(min_length=1)] = ("en",)
    """The first is the shop's own: summaries are written in it."""
    texts: Mapping[str, Texts]
    readiness: Readiness
    call_script: Annotated[
        tuple[OneLine, ...], Meta(min_length=CALL_SCRIPT_LINES, max_length=CALL_SCRIPT_LINES)
    ]
    """What to say on the phone where the summary has too few lines of its own."""
    colour: Colour = "#1f3a5f"
    logs_url: str = ""
    """Where a thread can be looked at; `{thread}` stands for its id."""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        build_schedule(self.timezone, self.hours, self.holidays, self.special_days)
        checks.check_mailboxes((*self.recipients, self.sender))
        checks.check_origins(self.origins)
        checks.check_languages(self.languages, self.texts)
        checks.check_logs_url(self.logs_url)

    @cached_property
    def schedule(self) -> Schedule:
        return build_schedule(self.timezone, self.hours, self.holidays, self.special_days)

    @cached_property
    def phone_region(self) -> str:
        """Two letters, such as `US`."""
        import phonenumbers

        number = phonenumbers.parse(self.phone)
        found = phonenumbers.region_code_for_number(number)
        return (
            self.region
            or found
            or phonenumbers.region_code_for_country_code(number.country_code or 1)
        )

    @cached_property
    def phone_shown(self) -> str:
        """As a person of the shop's own country dials it."""
        import phonenumbers

        style = phonenumbers.PhoneNumberFormat.NATIONAL
        return phonenumbers.format_number(phonenumbers.parse(self.phone), style)

    def shown(self, phone: str) -> str:
        """A customer's number as a person of the shop dials it; as it is, if that is not known."""
        import phonenumbers

        try:
            number = phonenumbers.parse(phone, self.phone_region)
        except phonenumbers.NumberParseException:
            return phone
        if not phonenumbers.is_valid_number(number):
            return phone
        own = phonenumbers.country_code_for_region(self.phone_region) == number.country_code
        style = phonenumbers.PhoneNumberFormat
        return phonenumbers.format_number(number, style.NATIONAL if own else style.INTERNATIONAL)

    @property
    def own_phones(self) -> tuple[str, ...]:
        return (self.phone, *self.other_phones)

    def text_for(self, locale: str) -> Texts:
        """In this language, else in the shop's own."""
        return self.texts.get(locale) or self.texts[self.languages[0]]


class Shops(msgspec.Struct, frozen=True):
    """Every shop of this deployment."""

    by_slug: Mapping[str, ShopProfile]
    by_origin: Mapping[str, ShopProfile]
    """Exact origins, such as `https://craigs.autos`."""
    default: ShopProfile


def load_shops(folder: str | Path) -> Shops:
    """Every `*.toml` of the folder. Raises SettingsError naming the file and the key."""
    paths = sorted(Path(folder).glob("*.toml"))
    if not paths:
        raise SettingsError(f"SHOPS: the folder {folder} holds no shop (*.toml).")
    profiles = [_read(path) for path in paths]
    by_origin: dict[str, ShopProfile] = {}
    for profile in profiles:
        for origin in profile.origins:
            if origin in by_origin:
                raise SettingsError(
                    f"{profile.slug}.toml: origins: {origin} belongs to"
                    f" {by_origin[origin].slug}.toml too."
                )
            by_origin[origin] = profile
    return Shops({shop.slug: shop for shop in profiles}, by_origin, _default(profiles))


def _default(profiles: list[ShopProfile]) -> ShopProfile:
    marked = [profile for profile in profiles if profile.default]
    if len(marked) == 1 or len(profiles) == 1:
        return (marked or profiles)[0]
    names = ", ".join(f"{profile.slug}.toml" for profile in marked or profiles)
    raise SettingsError(f"{names}: default: set it to true in exactly one shop.")


def _read(path: Path) -> ShopProfile:
    try:
        given = tomllib.loads(path.read_text("utf-8"))
        for key in RETIRED:
            given.pop(key, None)
        return msgspec.convert({"slug": path.stem, **given}, ShopProfile)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}.") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path.name}: {_where(str(error))}.") from error


def _where(error: str) -> str:
    """Msgspec's "Expected `str`, got `int` - at `$.name`" with the key first."""
    what, found, key = error.rpartition(" - at `$")
    return f"{key.strip('.`')}: {what}" if found else error
