"""A shop's file: what it says, and the sentence when it says something wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.errors import SettingsError
from libs.shops.locales import LOCALES, direction_of, locale_of
from libs.shops.profile import load_shops

CRAIGS = Path("deploy/shops/craigs.toml").read_text("utf-8")


def shops_of(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, "utf-8")
    return folder


def test_the_default_shop_is_as_the_contract_says() -> None:
    shops = load_shops("deploy/shops")
    shop = shops.default

    assert shop is shops.by_slug["craigs"]
    assert shop.timezone == "America/Los_Angeles"
    assert shops.by_origin.keys() == {
        "https://chat.craigs.autos",
        "https://craigs.autos",
        "http://localhost:4321",
    }
    assert shops.by_origin["https://craigs.autos"] is shop
    assert (shop.hours.mon, shop.hours.sat, shop.hours.sun) == (
        ("08:00-17:00",),
        ("08:00-14:00",),
        (),
    )
    assert shop.assistant == "Roxana"
    assert shop.phone_region == "US"
    assert len(shop.call_script) == 3


def test_every_language_of_the_contract_has_its_texts() -> None:
    shop = load_shops("deploy/shops").default

    assert set(shop.languages) == set(LOCALES.values()) == set(shop.texts)
    assert shop.text_for("es").greeting.startswith("Hola")
    assert shop.text_for("de") is shop.text_for("en")


def test_the_region_follows_the_phone_unless_it_is_given(tmp_path: Path) -> None:
    mexican = CRAIGS.replace("+14085550142", "+525512340000")
    given = mexican.replace("default = true", 'region = "US"')
    shops = load_shops(
        shops_of(
            tmp_path, mx=mexican, us=given.replace("craigs.autos", "x.test").replace("4321", "1")
        )
    )

    assert (shops.by_slug["mx"].phone_region, shops.by_slug["us"].phone_region) == ("MX", "US")


def test_a_profile_with_a_key_that_is_read_no_more_still_starts(tmp_path: Path) -> None:
    earlier = CRAIGS.replace("colour = ", 'logo_text = "Craig\'s"\ncolour = ', 1)

    assert load_shops(shops_of(tmp_path, craigs=earlier)).default.colour == "#7a1f1f"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "Craig', 'nmae = "Craig', "nmae"),
        ('"+14085550142"', '"408-555-0142"', "phone"),
        ('"America/Los_Angeles"', '"America/Los_Angles"', "America/Los_Angles"),
        ('mon = ["08:00-17:00"]', 'mon = ["8-17"]', "mon"),
        ('mon = ["08:00-17:00"]', 'mon = ["22:00-02:00"]', "past midnight as two days"),
        ('mon = ["08:00-17:00"]', 'mon = ["08:00-08:00"]', "mon"),
        ('mon = ["08:00-17:00"]', 'mon = ["08:00-24:30"]', "ends after 24:00"),
        ('mon = ["08:00-17:00"]', 'mon = ["08:00-12:00", "11:00-13:00"]', "overlap"),
        ('mon = ["08:00-17:00"]', 'moon = ["08:00-17:00"]', "hours"),
        ('"12-24" = ', '"12-25" = ', "both a holiday and a special day"),
        ('"07-04"', '"02-30"', "02-30"),
        ('"07-04"', '"July 4"', "July 4"),
        ('["leads@craigs.autos"]', '["leads"]', "leads"),
        ('["leads@craigs.autos"]', '["leads@craigs.autos\\nBcc: x@y.z"]', "recipients"),
        ('["leads@craigs.autos"]', "[]", "recipients"),
        ('"https://craigs.autos"', '"https://craigs.autos/"', "https://craigs.autos/"),
        ('"https://craigs.autos"', '"https://craigs.autos:443"', "443"),
        ('"https://craigs.autos"', '"https://Craigs.autos"', "Craigs"),
        ('"https://craigs.autos"', '"null"', "null"),
        ('languages = ["en"', 'languages = ["xx"', "xx"),
        ("[texts.en]", "[texts.xx]", "xx"),
        ('colour = "#7a1f1f"', 'colour = "red"', "colour"),
        ("messages_per_minute = 10", "messages_per_minute = 0", "messages_per_minute"),
        ('  "Offer a time', '  "One more line", "Offer a time', "call_script"),
        ('logs_url = "https', 'logs_url = "javascript', "logs_url"),
        ("default = true", "default = truly", "cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_file_and_the_key(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert old in CRAIGS
    folder = shops_of(tmp_path, craigs=CRAIGS.replace(old, new, 1))

    with pytest.raises(SettingsError) as caught:
        load_shops(folder)

    sentence = str(caught.value)
    assert sentence.startswith("craigs.toml")
    assert named in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_an_origin_belongs_to_one_shop(tmp_path: Path) -> None:
    other = CRAIGS.replace("default = true\n", "")

    with pytest.raises(SettingsError, match=r"other\.toml: origins: .* belongs to craigs\.toml"):
        load_shops(shops_of(tmp_path, craigs=CRAIGS, other=other))


def test_one_of_several_shops_is_the_default(tmp_path: Path) -> None:
    other = CRAIGS.replace("craigs.autos", "other.test").replace("localhost:4321", "localhost:1")
    plain = other.replace("default = true\n", "")

    assert load_shops(shops_of(tmp_path, craigs=CRAIGS, other=plain)).default.slug == "craigs"
    with pytest.raises(SettingsError, match="exactly one"):
        load_shops(shops_of(tmp_path, other=other))


def test_a_folder_without_shops_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SHOPS"):
        load_shops(tmp_path)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        *LOCALES.items(),
        ("es-MX", "es"),
        ("zh_TW", "zh-TW"),
        ("zh-Hant-HK", "zh-TW"),
        ("zh", "zh-CN"),
        ("fil-PH", "tl"),
        ("pt-PT", "pt-BR"),
        ("EN-us", "en"),
        ("de", "en"),
        ("", "en"),
        ("../../x", "en"),
        ("a-" * 500, "en"),
    ],
)
def test_locales_of_sites_and_browsers(asked: str, given: str) -> None:
    assert locale_of(asked) == given


def test_arabic_and_persian_run_from_right_to_left() -> None:
    rtl = {locale for locale in LOCALES.values() if direction_of(locale) == "rtl"}

    assert rtl == {"ar", "fa"}
